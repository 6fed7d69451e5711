import { isDeepStrictEqual } from 'node:util';
import type { ConsumerMemberValue } from '../records/index.ts';
import type { Shard } from '../state.ts';
import type { Step } from '../step.ts';
import { type Assignment, NOTHING, sameAssignment } from './assignment.ts';
import { currentRecord, emit } from './emit.ts';
import { consumerOf } from './members.ts';
import { reconcile } from './reconcile.ts';
import { type ConsumerMember, type ConsumerState, type Current, MemberState } from './state.ts';
import { metadataHash, refreshPatterns } from './subscription.ts';
import { assignTargets } from './target.ts';

/**
 * What a member said, by whichever protocol: it is recorded, the group's epoch and targets follow, and the member goes one step
 * towards its own. `owned` is what it says it has, null when it does not say. Gives the member as it is now.
 */
export function takeTurn(
  step: Step,
  shard: Shard,
  groupId: string,
  memberId: string,
  said: ConsumerMemberValue,
  owned: Assignment | null,
): ConsumerMember {
  const resubscribed = listen(step, shard, groupId, memberId, said);
  const consumer = consumerOf(shard, groupId);
  updateEpoch(step, shard, groupId, consumer, resubscribed);
  if (consumer.epoch > consumer.assignmentEpoch) assignTargets(step, shard, groupId, consumer);
  advance(step, shard, groupId, consumer, memberId, owned);
  return consumer.members.get(memberId)!;
}

/** Records what the member says of itself; true when it is new or subscribes to something else. */
function listen(
  step: Step,
  shard: Shard,
  groupId: string,
  memberId: string,
  value: ConsumerMemberValue,
): boolean {
  const old = shard.groups.get(groupId)?.consumer?.members.get(memberId)?.said;
  if (old && isDeepStrictEqual(old, value)) return false;
  emit(step, shard, { type: 'consumerMember', groupId, memberId, value });
  return (
    old === undefined ||
    !isDeepStrictEqual(old.subscribedTopicNames, value.subscribedTopicNames) ||
    (old.subscribedTopicRegex ?? '') !== (value.subscribedTopicRegex ?? '')
  );
}

/** A new epoch when subscriptions changed, or the topics that they mean. */
export function updateEpoch(
  step: Step,
  shard: Shard,
  groupId: string,
  consumer: ConsumerState,
  resubscribed: boolean,
): void {
  const now = step.now.steadyMs;
  if (!resubscribed && now < consumer.refreshAt) return;
  consumer.refreshAt = now + step.settings.topicRefreshMs;
  refreshPatterns(step, shard, groupId, consumer);
  const hash = metadataHash(consumer, step.topics);
  if (!resubscribed && hash === consumer.metadataHash) return;
  const value = { epoch: consumer.epoch + 1, metadataHash: hash };
  emit(step, shard, { type: 'consumerGroup', groupId, value });
}

/** Takes the member one step towards its target. */
function advance(
  step: Step,
  shard: Shard,
  groupId: string,
  { members, targets, owners, assignmentEpoch }: ConsumerState,
  memberId: string,
  owned: Assignment | null,
): void {
  const member = members.get(memberId)!;
  const target = {
    epoch: assignmentEpoch,
    assignment: targets.get(memberId) ?? NOTHING,
    isFree: (topicId: string, partition: number) => !owners.get(topicId)?.has(partition),
  };
  const next = reconcile(member.current, target, owned);
  const changed = !sameCurrent(next, member.current);
  if (changed) emit(step, shard, currentRecord(groupId, memberId, next));
  if (next.state !== MemberState.unrevoked) member.rebalanceDeadline = Number.POSITIVE_INFINITY;
  else if (changed || member.rebalanceDeadline === Number.POSITIVE_INFINITY)
    member.rebalanceDeadline = step.now.steadyMs + member.said.rebalanceTimeoutMs;
}

const sameCurrent = (a: Current, b: Current) =>
  a.memberEpoch === b.memberEpoch &&
  a.previousMemberEpoch === b.previousMemberEpoch &&
  a.state === b.state &&
  sameAssignment(a.assigned, b.assigned) &&
  sameAssignment(a.pendingRevocation, b.pendingRevocation);
