import { EdgelogError } from '@edgelog/base';
import { readConsumerAssignment } from '@edgelog/wire';
import { failJoin, failSync, generationOf } from '../membership.ts';
import type { GroupRecord } from '../records/index.ts';
import { replay } from '../replay.ts';
import type { GroupSettings } from '../settings.ts';
import { createShard, type Group, type Member, type Shard } from '../state.ts';
import type { Step } from '../step.ts';
import { type Assignment, fromSets, listOf, NOTHING, partitionsOf } from './assignment.ts';
import { CONSUMER_PROTOCOL, classicSaid, subscriptionIn, withIds } from './classic-member.ts';
import { currentRecord, emit } from './emit.ts';
import { consumerOf } from './members.ts';
import { startSessions } from './sessions.ts';
import { type ConsumerState, MemberState } from './state.ts';
import type { TopicsView } from './topics.ts';

/** A classic group as one of the new protocol. */
export interface Upgrade {
  readonly consumer: ConsumerState;
  readonly records: readonly GroupRecord[];
}

/** What a classic group that runs would become, or undefined when it cannot or may not. Changes nothing. */
export function planUpgrade(
  group: Group,
  { consumerMigrationPolicy, membersMax }: GroupSettings,
  topics: TopicsView,
): Upgrade | undefined {
  const { groupId, members, protocolType, consumer } = group;
  if (consumer !== undefined || members.size === 0 || members.size > membersMax) return undefined;
  if (protocolType !== CONSUMER_PROTOCOL) return undefined;
  if (consumerMigrationPolicy !== 'upgrade' && consumerMigrationPolicy !== 'bidirectional') return undefined;
  const records = upgradeRecords(group, topics);
  if (records === undefined) return undefined;
  const scratch = createShard();
  for (const record of records) replay(scratch, record);
  return { consumer: consumerOf(scratch, groupId), records };
}

/** Makes it so. Who waits for the classic generation is sent to join again. */
export function upgrade(step: Step, shard: Shard, group: Group, { records }: Upgrade): void {
  for (const member of group.members.values()) {
    failJoin(step, group, member, 'REBALANCE_IN_PROGRESS');
    failSync(step, member, 'REBALANCE_IN_PROGRESS');
  }
  for (const record of records) emit(step, shard, record);
  startSessions(step, shard.groups.get(group.groupId)!, consumerOf(shard, group.groupId));
}

/** Undefined when some member's metadata cannot be read. */
function upgradeRecords(group: Group, topics: TopicsView): GroupRecord[] | undefined {
  const { groupId, generationId } = group;
  const told: GroupRecord[] = [];
  const targets: GroupRecord[] = [];
  const currents: GroupRecord[] = [];
  const held = heldBy(group, topics);
  if (held === undefined) return undefined;
  for (const member of group.members.values()) {
    const { memberId, sessionTimeoutMs, protocols } = member;
    const subscription = subscriptionIn(metadataIn(group, member));
    if (subscription === undefined) return undefined;
    const assigned = held.get(memberId)!;
    const instanceId = member.groupInstanceId;
    const value = classicSaid({ ...member, instanceId }, subscription, sessionTimeoutMs, protocols);
    told.push({ type: 'consumerMember', groupId, memberId, value });
    const topicPartitions = listOf(assigned);
    targets.push({ type: 'targetAssignment', groupId, memberId, value: { topicPartitions } });
    const memberEpoch = generationOf(group, member);
    const current = {
      memberEpoch,
      previousMemberEpoch: memberEpoch,
      state: MemberState.stable,
      assigned,
      pendingRevocation: NOTHING,
    };
    currents.push(currentRecord(groupId, memberId, current));
  }
  return [
    { type: 'group', groupId, value: null },
    ...told,
    { type: 'consumerGroup', groupId, value: { epoch: generationId, metadataHash: 0n } },
    ...targets,
    { type: 'targetEpoch', groupId, value: { assignmentEpoch: generationId } },
    ...currents,
  ];
}

const metadataIn = ({ protocolName }: Group, { protocols }: Member) =>
  protocols.get(protocolName ?? '') ?? protocols.values().next().value;

/**
 * What members may read until they join again: what they have of the last generation that was complete and, in the middle of a
 * rebalance, what they said they keep. No partition is given twice.
 */
function heldBy(group: Group, topics: TopicsView): Map<string, Assignment> | undefined {
  const taken = new Set<string>();
  const held = new Map<string, Map<string, Set<number>>>();
  const claim = (memberId: string, assignment: Assignment) => {
    const sets = held.get(memberId)!;
    for (const [topicId, partition] of partitionsOf(assignment)) {
      const key = `${topicId}/${partition}`;
      if (taken.has(key)) continue;
      taken.add(key);
      sets.set(topicId, (sets.get(topicId) ?? new Set()).add(partition));
    }
  };
  for (const memberId of group.members.keys()) held.set(memberId, new Map());
  for (const { memberId, assignment } of group.recorded?.members ?? []) {
    if (!group.members.has(memberId)) continue;
    try {
      claim(memberId, withIds(readConsumerAssignment(assignment), topics));
    } catch (error) {
      if (error instanceof EdgelogError) return undefined;
      throw error;
    }
  }
  for (const member of group.members.values()) {
    const owned = subscriptionIn(metadataIn(group, member))?.owned ?? [];
    claim(member.memberId, withIds(owned, topics));
  }
  return new Map(Array.from(held, ([memberId, sets]) => [memberId, fromSets(sets)]));
}
