import { assert } from '@edgelog/base';
import type { Group, Shard } from '../state.ts';
import type { Step } from '../step.ts';
import { listOf, NOTHING } from './assignment.ts';
import { currentRecord, emit } from './emit.ts';
import { AWAY, type ConsumerMember, type ConsumerState, JOINING } from './state.ts';

/** A static member goes, and keeps its partitions for its next self. */
export function sendAway(
  step: Step,
  shard: Shard,
  groupId: string,
  { memberId, current }: ConsumerMember,
): void {
  const away = { ...current, memberEpoch: AWAY, pendingRevocation: NOTHING };
  emit(step, shard, currentRecord(groupId, memberId, away));
}

/** A static member is back, maybe under another name or with another protocol, and has what its former self had. */
export function replaceMember(
  step: Step,
  shard: Shard,
  groupId: string,
  former: ConsumerMember,
  memberId: string,
): void {
  const { said, current } = former;
  if (former.memberId !== memberId) {
    const target = consumerOf(shard, groupId).targets.get(former.memberId) ?? NOTHING;
    removeMember(step, shard, groupId, former.memberId);
    emit(step, shard, { type: 'consumerMember', groupId, memberId, value: said });
    emit(step, shard, {
      type: 'targetAssignment',
      groupId,
      memberId,
      value: { topicPartitions: listOf(target) },
    });
  }
  const anew = { ...current, memberEpoch: JOINING, previousMemberEpoch: JOINING };
  emit(step, shard, currentRecord(groupId, memberId, anew));
}

/** Forgets all that makes it a group of the new protocol; it has no members. */
export function endConsumerGroup(step: Step, shard: Shard, { groupId, consumer }: Group): void {
  if (consumer === undefined) return;
  assert(consumer.members.size === 0, `group ${groupId} has no members`);
  for (const regularExpression of [...consumer.patterns.keys()]) {
    emit(step, shard, { type: 'regularExpression', groupId, regularExpression, value: null });
  }
  emit(step, shard, { type: 'targetEpoch', groupId, value: null });
  emit(step, shard, { type: 'consumerGroup', groupId, value: null });
}

export function consumerOf(shard: Shard, groupId: string): ConsumerState {
  const consumer = shard.groups.get(groupId)?.consumer;
  assert(consumer !== undefined, `${groupId} is a group of the new protocol`);
  return consumer;
}

export function removeMember(step: Step, shard: Shard, groupId: string, memberId: string): void {
  emit(step, shard, { type: 'currentAssignment', groupId, memberId, value: null });
  emit(step, shard, { type: 'targetAssignment', groupId, memberId, value: null });
  emit(step, shard, { type: 'consumerMember', groupId, memberId, value: null });
}
