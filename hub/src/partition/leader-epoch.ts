import { ErrorCode } from '@edgelog/wire';
import { LEADER_EPOCH } from './partition.ts';

/** Fences a client whose idea of the leader is older or newer than the broker's; −1 asks for no fencing [KIP-320]. */
export function leaderEpochError(currentLeaderEpoch: number): number {
  if (currentLeaderEpoch < 0 || currentLeaderEpoch === LEADER_EPOCH) return ErrorCode.NONE;
  return currentLeaderEpoch < LEADER_EPOCH ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH;
}
