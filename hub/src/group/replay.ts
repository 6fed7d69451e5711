import { replayConsumer } from './consumer/replay.ts';
import { addMember } from './membership.ts';
import { applyOffset } from './offsets.ts';
import type { GroupMetadataValue, GroupRecord, MemberMetadata } from './records/index.ts';
import { createGroup, type Group, type Member, type Shard } from './state.ts';

/** Recovery: applies one record of the log. Records come in the order in which they were appended. */
export function replay(shard: Shard, record: GroupRecord): void {
  if (record.type === 'offset') applyOffset(shard, record);
  else if (record.type !== 'group') replayConsumer(shard, record);
  else replayGroup(shard, record.groupId, record.value);
}

function replayGroup(shard: Shard, groupId: string, value: GroupMetadataValue | null): void {
  const offsets = shard.groups.get(groupId)?.offsets ?? new Map();
  if (value === null && offsets.size === 0) {
    shard.groups.delete(groupId);
    return;
  }
  const group: Group = { ...createGroup(groupId), offsets };
  shard.groups.set(groupId, group);
  if (value !== null) restoreGeneration(group, { ...value, members: value.members.map(ownMember) });
}

/** Its own copy of the buffers, which are views into the batch that was read. */
const ownMember = (member: MemberMetadata): MemberMetadata => ({
  ...member,
  rebalanceTimeout: member.rebalanceTimeout === -1 ? member.sessionTimeout : member.rebalanceTimeout,
  subscription: Buffer.from(member.subscription),
  assignment: Buffer.from(member.assignment),
});

function restoreGeneration(group: Group, value: GroupMetadataValue): void {
  group.recorded = value;
  group.state = value.members.length === 0 ? 'Empty' : 'Stable';
  group.stateTimestamp = value.currentStateTimestamp;
  group.generationId = value.generation;
  group.protocolType = value.protocolType || null;
  group.protocolName = value.protocol;
  for (const member of value.members) addMember(group, restoredMember(member, value.protocol ?? ''));
  group.leaderId = value.leader ?? group.leaderId;
}

const restoredMember = (member: MemberMetadata, protocol: string): Member => ({
  memberId: member.memberId,
  groupInstanceId: member.groupInstanceId,
  clientId: member.clientId,
  clientHost: member.clientHost,
  rebalanceTimeoutMs: member.rebalanceTimeout,
  sessionTimeoutMs: member.sessionTimeout,
  protocols: new Map([[protocol, member.subscription]]),
  assignment: member.assignment,
  sessionDeadline: Number.POSITIVE_INFINITY,
  knownGeneration: undefined,
  isNew: false,
  awaitingJoin: undefined,
  awaitingSync: undefined,
});
