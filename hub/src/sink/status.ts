import type { KafkaSinkStatus } from '@edgelog/sink';
import type { SyncServer } from '@edgelog/sync';

/** What an operator's view of a sync gateway is made from. */
export interface GatewayView {
  readonly url: string;
  readonly startedAtMs: number;
  /** Undefined before the cluster was reached. */
  readonly sink: () => KafkaSinkStatus | undefined;
  sync: SyncServer | undefined;
  /** Why the cluster does not answer; undefined while it does. */
  obstacle: string | undefined;
  isDraining: boolean;
}

/** The body of GET /status. Offsets are the gateways'. */
export function gatewayStatus({ url, startedAtMs, sink, sync, obstacle, isDraining }: GatewayView) {
  const status = sync?.status();
  return {
    role: 'sync-gateway',
    time: new Date().toISOString(),
    uptimeMs: Date.now() - startedAtMs,
    kafka: { url, isReached: obstacle === undefined, problem: obstacle ?? null, sink: sink() ?? null },
    isDraining,
    gateways: status?.gateways ?? [],
    duplicateGateways: status?.duplicates ?? [],
    connections: { sync: status?.connections ?? 0, rejected: status?.rejected ?? null },
  };
}

/** For a load balancer: whether new agents should be sent here. */
export function gatewayHealth({ obstacle, isDraining }: GatewayView): { ok: boolean; reasons: string[] } {
  const reasons = [
    ...(obstacle === undefined ? [] : [`Kafka: ${obstacle}`]),
    ...(isDraining ? ['stopping: agents are sent elsewhere'] : []),
  ];
  return { ok: reasons.length === 0, reasons };
}
