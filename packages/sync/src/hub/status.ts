import type { GatewayStatus } from '../server-types.ts';
import type { AgentConnection } from './connection.ts';

export function gatewayStatus(connection: AgentConnection, state: GatewayStatus['state']): GatewayStatus {
  const { session } = connection.link;
  return {
    gateway: session.gateway,
    state,
    instance: session.instance,
    agentVersion: session.agentVersion,
    remote: connection.remote,
    connectedAt: connection.connectedAt,
    lastSeenAt: connection.lastSeenAt,
    clockOffsetMs: session.clockOffsetMs,
    creditBytes: session.credit,
    uncommittedBytes: session.uncommittedBytes,
    receivedBatches: session.receivedBatches,
    receivedBytes: session.receivedBytes,
    streams: [...session.streams.values()].map((stream) => ({
      topic: stream.run.topic,
      logId: stream.run.logId,
      producerId: stream.run.producerId,
      partition: stream.partition,
      state: stream.phase,
      receivedNext: stream.receivedNext,
      committedNext: stream.committed?.next,
      sealedEndAtOpen: stream.openedAt.sealedEnd,
      divergence: stream.divergence,
      refusal: stream.refusal,
    })),
  };
}
