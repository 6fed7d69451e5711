import { ErrorCode } from '@edgelog/wire';
import type { Partition } from './partition.ts';

/** Asks for no fencing [KIP-320]. */
export const ANY_EPOCH = -1;

/**
 * What to answer who needs the partition's leader and believes in this epoch of it, or in `ANY_EPOCH`; NONE where
 * this broker leads.
 */
export function leaderError(partition: Partition, currentLeaderEpoch: number): number {
  return epochError(partition, currentLeaderEpoch) || ErrorCode[partition.replication.leaderRefusal];
}

/** The same for who only reads, which a follower in sync can serve [KIP-392]. */
export function readError(partition: Partition, currentLeaderEpoch: number): number {
  return epochError(partition, currentLeaderEpoch) || ErrorCode[partition.replication.readRefusal];
}

function epochError({ leadership }: Partition, currentLeaderEpoch: number): number {
  if (currentLeaderEpoch <= ANY_EPOCH || currentLeaderEpoch === leadership.leaderEpoch) return ErrorCode.NONE;
  return currentLeaderEpoch < leadership.leaderEpoch
    ? ErrorCode.FENCED_LEADER_EPOCH
    : ErrorCode.UNKNOWN_LEADER_EPOCH;
}
