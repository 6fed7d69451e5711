import type { UplinkStreamStatus } from '../uplink-types.ts';
import type { AgentSession } from './state.ts';

export function streamStatuses(session: AgentSession): UplinkStreamStatus[] {
  return [...session.streams.values()].map((stream) => ({
    topic: stream.run.topic,
    logId: stream.run.logId,
    producerId: stream.run.producerId,
    state: stream.phase,
    partition: stream.partition,
    sentNext: stream.sentNext,
    priority: stream.priority,
    isBacklog: stream.isBacklog,
    ended: stream.ended,
    firstOffset: stream.run.firstOffset,
    ackedNext: stream.acked?.next ?? stream.run.firstOffset,
    sealedEnd: stream.sealedEndOffset,
    inFlightBytes: stream.inFlightBytes,
    reason: stream.reason === undefined ? undefined : `${stream.reason.code}: ${stream.reason.message}`,
  }));
}
