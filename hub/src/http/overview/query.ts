import { z } from 'zod';

/** Rows of a table that one answer holds. */
export const PAGE_ROWS = 50;
/** What lies behind is found by a search. */
const PAGES_MAX = 200;

const search = z.string().max(249).default('');
const page = z.coerce
  .number()
  .int()
  .min(1)
  .max(PAGES_MAX)
  .default(1)
  .transform((number) => number - 1);
const flag = z
  .enum(['0', '1'])
  .default('0')
  .transform((digit) => digit === '1');

/** What a viewer looks at: searches (part of a name, in any case), pages from 1 on, and the topic and group shown in full. */
export const overviewQuery = z.object({
  topics: search,
  topicsPage: page,
  groups: search,
  groupsPage: page,
  gateways: search,
  gatewaysPage: page,
  topic: z.string().max(249).optional(),
  partitionsPage: page,
  group: z.string().max(32_767).optional(),
  /** Only what an operator may have to see to. */
  problems: flag,
});
export type OverviewQuery = z.output<typeof overviewQuery>;

/** What one broker is asked about groups and gateways: the first groups by name, up to the last one shown. */
export const reportQuery = z.object({
  groups: search,
  groupsThrough: z.coerce
    .number()
    .int()
    .min(0)
    .max(PAGES_MAX * PAGE_ROWS),
  gateways: search,
  group: z.string().max(32_767).optional(),
  problems: flag,
});
export type ReportQuery = z.output<typeof reportQuery>;

export function reportQueryOf(query: OverviewQuery): ReportQuery {
  const { groups, gateways, group, problems } = query;
  return {
    groups,
    groupsThrough: (query.groupsPage + 1) * PAGE_ROWS,
    gateways,
    group,
    problems,
  };
}

/** As another broker's `reportQuery` reads it. */
export function reportParameters(query: ReportQuery): URLSearchParams {
  const { groups, groupsThrough, gateways, group, problems } = query;
  const parameters = new URLSearchParams({
    groups,
    groupsThrough: String(groupsThrough),
    gateways,
    problems: problems ? '1' : '0',
  });
  if (group !== undefined) parameters.set('group', group);
  return parameters;
}
