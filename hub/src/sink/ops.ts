import { join } from 'node:path';
import { type Logger, type Metrics, type OpsServer, startOpsServer, staticPage } from '@edgelog/runtime';
import { registerSinkMetrics } from '@edgelog/sink/metrics.ts';
import { type GatewayView, gatewayHealth, gatewayStatus } from './status.ts';

export interface GatewayOpsOptions {
  readonly address: string;
  /** Names under which it is asked. */
  readonly hosts: readonly string[];
  readonly view: GatewayView;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** HTTP of a sync gateway: the page at /, /healthz, /status, /metrics. Nothing here changes anything. */
export function startGatewayOps(options: GatewayOpsOptions): Promise<OpsServer> {
  const { address, hosts, view, metrics, log } = options;
  metrics.gauge('edgelog_sink_reached', '1 while the Kafka cluster answers.', () =>
    view.obstacle === undefined ? 1 : 0,
  );
  metrics.gauge(
    'edgelog_sync_connections',
    'Connections of agents.',
    () => view.sync?.status().connections ?? 0,
  );
  metrics.gauge(
    'edgelog_gateways_live',
    'Gateways with a session.',
    () => view.sync?.status().gateways.length ?? 0,
  );
  registerSinkMetrics(metrics, view.sink);
  return startOpsServer({
    address,
    hosts: () => hosts,
    health: () => gatewayHealth(view),
    status: () => gatewayStatus(view),
    metrics: () => metrics.render(),
    routes: staticPage(join(import.meta.dirname, 'page'), ['main.js', 'view.js']),
    log,
  });
}
