import type { GroupRecord } from '../records/index.ts';
import { replay } from '../replay.ts';
import type { Shard } from '../state.ts';
import type { Step } from '../step.ts';
import { listOf } from './assignment.ts';
import type { Current } from './state.ts';

/** Puts it on record and applies it, by the same function as recovery. */
export function emit(step: Step, shard: Shard, record: GroupRecord): void {
  step.records.push(record);
  replay(shard, record);
}

export function currentRecord(groupId: string, memberId: string, current: Current): GroupRecord {
  const { memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation } = current;
  const value = {
    memberEpoch,
    previousMemberEpoch,
    state,
    assignedPartitions: listOf(assigned),
    partitionsPendingRevocation: listOf(pendingRevocation),
  };
  return { type: 'currentAssignment', groupId, memberId, value };
}
