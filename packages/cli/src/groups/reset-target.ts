import { EdgelogError } from '@edgelog/base';
import { z } from 'zod';
import { type OffsetRow, readOffsetFile } from './offset-file.ts';

/** Where offsets are to go, and whose: Kafka's flags. */
export const targetFields = {
  topic: z
    .array(z.string().min(1))
    .default([])
    .describe('With reset-offsets: topics, or some of their partitions as TOPIC:0,1,2.'),
  allTopics: z
    .boolean()
    .default(false)
    .describe('With reset-offsets: every topic the group has committed to.'),
  toEarliest: z.boolean().default(false).describe('Reset to the first offset there is.'),
  toLatest: z.boolean().default(false).describe('Reset to the end.'),
  toOffset: z.number().int().min(0).optional().describe('Reset to this offset.'),
  toDatetime: z
    .string()
    .optional()
    .describe('Reset to the first record as new as YYYY-MM-DDTHH:mm:SS.sss, UTC unless it has a zone.'),
  byDuration: z
    .string()
    .optional()
    .describe('Reset to the first record that is no older than PnDTnHnMnS, as P7D or PT30M.'),
  toCurrent: z
    .boolean()
    .default(false)
    .describe('Leave the committed offset where it is, or the end where there is none.'),
  fromFile: z
    .string()
    .optional()
    .describe('Reset to what this file says: a line TOPIC,PARTITION,OFFSET for each, as --export writes it.'),
  shiftBy: z.number().int().optional().describe('Move the committed offset, forward or (−N) backward.'),
  export: z.boolean().default(false).describe('Print the new offsets as lines that --from-file takes.'),
  dryRun: z.boolean().default(false).describe('Only show what reset-offsets would do; the default.'),
  execute: z.boolean().default(false).describe('Really reset the offsets.'),
};

export type Where =
  | { readonly to: 'earliest' | 'latest' | 'current' }
  | { readonly to: 'file'; readonly rows: readonly OffsetRow[] }
  | { readonly to: 'offset'; readonly offset: number }
  | { readonly to: 'datetime'; readonly timestamp: number }
  | { readonly to: 'shift'; readonly by: number };

export interface WantedTopic {
  readonly topic: string;
  /** Undefined: all of them. */
  readonly partitions?: readonly number[];
}

export interface Target {
  readonly where: Where;
  /** Undefined: what the group has committed to, or what the file names. */
  readonly topics: readonly WantedTopic[] | undefined;
  readonly execute: boolean;
  readonly isExport: boolean;
}

type TargetSettings = z.output<z.ZodObject<typeof targetFields>>;

/** Throws CONFIG_INVALID unless exactly one destination and one scope are given. */
export function parseTarget(command: string, settings: TargetSettings): Target {
  const refuse = (what: string) => new EdgelogError('CONFIG_INVALID', `${command}: ${what}`);
  const { toEarliest, toLatest, toOffset, toDatetime, shiftBy } = settings;
  const given: Where[] = [];
  if (toEarliest) given.push({ to: 'earliest' });
  if (toLatest) given.push({ to: 'latest' });
  if (toOffset !== undefined) given.push({ to: 'offset', offset: toOffset });
  if (shiftBy !== undefined) given.push({ to: 'shift', by: shiftBy });
  if (toDatetime !== undefined) {
    const timestamp = parseDatetime(toDatetime);
    if (timestamp === undefined) {
      throw refuse(`--to-datetime = ${JSON.stringify(toDatetime)}: expected YYYY-MM-DDTHH:mm:SS.sss`);
    }
    given.push({ to: 'datetime', timestamp });
  }
  if (settings.toCurrent) given.push({ to: 'current' });
  if (settings.byDuration !== undefined) {
    const duration = parseDuration(settings.byDuration);
    if (duration === undefined) {
      throw refuse(`--by-duration = ${JSON.stringify(settings.byDuration)}: expected PnDTnHnMnS`);
    }
    given.push({ to: 'datetime', timestamp: Math.max(0, Date.now() - duration) });
  }
  if (settings.fromFile !== undefined) {
    given.push({ to: 'file', rows: readOffsetFile(`${command}: --from-file`, settings.fromFile) });
  }
  const [where] = given;
  if (where === undefined || given.length > 1) {
    throw refuse(
      'give exactly one of --to-earliest, --to-latest, --to-current, --to-offset, --to-datetime, --by-duration, --shift-by, --from-file',
    );
  }
  if (settings.execute && settings.dryRun) throw refuse('give --dry-run or --execute, not both');
  const isScoped = settings.allTopics || settings.topic.length > 0;
  if (where.to === 'file' ? isScoped : settings.allTopics === settings.topic.length > 0)
    throw refuse(where.to === 'file' ? 'the file says which topics' : 'give either --topic or --all-topics');
  const { execute, export: isExport } = settings;
  return {
    where,
    topics: settings.topic.length === 0 ? undefined : parseTopics(settings.topic),
    execute,
    isExport,
  };
}

const DATETIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?$/;

/** Epoch milliseconds; a time without a zone is UTC, as in Kafka's tool. */
function parseDatetime(text: string): number | undefined {
  const zone = DATETIME.exec(text);
  const timestamp = zone === null ? Number.NaN : Date.parse(zone[3] === undefined ? `${text}Z` : text);
  return Number.isNaN(timestamp) ? undefined : timestamp;
}

const DURATION = /^P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i;

/** Milliseconds of an ISO 8601 duration without years and months, as Java has it. */
function parseDuration(text: string): number | undefined {
  const parts = DURATION.exec(text);
  if (parts === null) return undefined;
  const [days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
  ];
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000);
}

/** `TOPIC` or `TOPIC:0,1`; the list was cut at its commas, so bare numbers belong to the partitions before them. */
export function parseTopics(parts: readonly string[]): WantedTopic[] {
  const topics: { topic: string; partitions?: number[] }[] = [];
  for (const part of parts) {
    const partitions = topics.at(-1)?.partitions;
    const [, topic, first] = /^(.+):(\d+)$/.exec(part) ?? [];
    if (topic !== undefined) topics.push({ topic, partitions: [Number(first)] });
    else if (partitions !== undefined && /^\d+$/.test(part)) partitions.push(Number(part));
    else topics.push({ topic: part });
  }
  return topics;
}
