import { EdgelogError } from '@edgelog/base';
import { type Logger, type Metrics, type OpsHandler, type OpsServer, startOpsServer } from '@edgelog/runtime';
import type { z } from 'zod';
import { ClusterReports } from './overview/cluster-reports.ts';
import { overviewOf } from './overview/overview.ts';
import { overviewQuery, reportQuery } from './overview/query.ts';
import { reportOf } from './overview/report.ts';
import { pageRoutes } from './page.ts';
import { type HubView, hubStatus } from './status.ts';

export interface HubOpsOptions {
  readonly address: string;
  /** Names under which it is asked. */
  readonly hosts: readonly string[];
  readonly view: HubView;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * HTTP for operators: the page at /, what it shows (/overview), what other brokers ask of this one for theirs (/report), and
 * /status (`?part=topics,groups` for some of it), /healthz, /metrics. Nothing here changes anything.
 */
export function startHubOps({ address, hosts, view, metrics, log }: HubOpsOptions): Promise<OpsServer> {
  const reports = new ClusterReports();
  const overview: OpsHandler = async ({ url }) => ({
    body: await overviewOf(view, reports, parsed(overviewQuery, url.searchParams)),
  });
  const report: OpsHandler = ({ url }) => ({ body: reportOf(view, parsed(reportQuery, url.searchParams)) });
  return startOpsServer({
    address,
    hosts: () => hosts,
    health: view.health,
    status: (parameters) => hubStatus(view, parameters.get('part')?.split(',')),
    metrics: () => metrics.render(),
    routes: { ...pageRoutes(), 'GET /overview': overview, 'GET /report': report },
    log,
  });
}

function parsed<T extends z.ZodType>(schema: T, parameters: URLSearchParams): z.output<T> {
  const { success, data, error } = schema.safeParse(Object.fromEntries(parameters));
  if (success) return data;
  const [issue] = error.issues;
  throw new EdgelogError('CONFIG_INVALID', `${issue!.path.join('.')}: ${issue!.message}`);
}
