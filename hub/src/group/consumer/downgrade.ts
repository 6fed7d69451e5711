import { addMember, enterState, renewSession, selectProtocol } from '../membership.ts';
import { prepareRebalance } from '../rebalance.ts';
import { recordGroup } from '../records/record-group.ts';
import type { GroupSettings } from '../settings.ts';
import { groupOf, type Member, type Shard } from '../state.ts';
import type { Step } from '../step.ts';
import { type Assignment, assignmentOf, listOf, NOTHING } from './assignment.ts';
import { assignmentFor, CONSUMER_PROTOCOL, protocolsIn } from './classic-member.ts';
import { consumerOf, endConsumerGroup, removeMember } from './members.ts';
import { type ConsumerMember, type ConsumerState, isClassic } from './state.ts';
import type { TopicsView } from './topics.ts';

/** Whether it may become a classic group once these are no longer members of the new protocol. */
export function canDowngrade(
  { members }: ConsumerState,
  without: ReadonlySet<string>,
  { consumerMigrationPolicy }: GroupSettings,
): boolean {
  if (consumerMigrationPolicy !== 'downgrade' && consumerMigrationPolicy !== 'bidirectional') return false;
  for (const member of members.values())
    if (!without.has(member.memberId) && !isClassic(member)) return false;
  return true;
}

/**
 * Makes it a classic group again; all its members speak the classic protocol. When they are `settled`, each has its target. Else they have
 * to join anew, and until then each has what it may still read; a coordinator that takes over must know: a generation that is recorded
 * without a leader says so.
 */
export function downgrade(step: Step, shard: Shard, groupId: string, settled: boolean): void {
  const consumer = consumerOf(shard, groupId);
  const { epoch, targets } = consumer;
  const members = Array.from(consumer.members.values(), (member) =>
    classicMember(member, settled ? targets.get(member.memberId) : heldBy(member), step.topics),
  );
  for (const { memberId } of members) removeMember(step, shard, groupId, memberId);
  endConsumerGroup(step, shard, shard.groups.get(groupId)!);
  const group = groupOf(shard, groupId);
  group.generationId = epoch;
  group.protocolType = CONSUMER_PROTOCOL;
  enterState(step, group, 'Stable');
  for (const member of members) {
    addMember(group, member);
    renewSession(step, group, member);
  }
  group.protocolName = selectProtocol(group);
  recordGroup(step, group, settled ? group.leaderId : null);
  if (!settled) prepareRebalance(step, group);
}

const heldBy = ({ current }: ConsumerMember): Assignment =>
  assignmentOf([...listOf(current.assigned), ...listOf(current.pendingRevocation)]);

function classicMember(
  { memberId, said, current }: ConsumerMember,
  assignment: Assignment | undefined,
  topics: TopicsView,
): Member {
  const classic = said.classicMemberMetadata!;
  return {
    memberId,
    groupInstanceId: said.instanceId,
    clientId: said.clientId,
    clientHost: said.clientHost,
    rebalanceTimeoutMs: said.rebalanceTimeoutMs,
    sessionTimeoutMs: classic.sessionTimeoutMs,
    protocols: protocolsIn(classic),
    assignment: assignmentFor(classic, assignment ?? NOTHING, topics),
    sessionDeadline: Number.POSITIVE_INFINITY,
    knownGeneration: current.memberEpoch < 0 ? undefined : current.memberEpoch,
    isNew: false,
    awaitingJoin: undefined,
    awaitingSync: undefined,
  };
}
