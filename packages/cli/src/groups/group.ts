import { EdgelogError } from '@edgelog/base';
import { check, type KafkaCluster } from '@edgelog/client';
import { apis, ErrorCode, type ResponseOutput } from '@edgelog/wire';
import { coordinatorOf } from '../kafka/coordinators.ts';
import { partitionKey } from '../kafka/offsets.ts';
import { type AssignedPartition, readAssignment } from './assignment.ts';

export interface GroupMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly partitions: readonly AssignedPartition[];
}

/** A group of either protocol. */
export interface Group {
  readonly groupId: string;
  /** As Kafka names it: Empty, Stable …; DEAD where there is no such group. */
  readonly state: string;
  readonly protocolType: string;
  /** What assigns the partitions. */
  readonly protocol: string;
  readonly members: readonly GroupMember[];
}

/** A group that does not exist is Dead, as Kafka has it. */
const DEAD = 'Dead';

export interface FoundGroup {
  /** Node id of the broker that coordinates it. */
  readonly coordinator: number;
  readonly group: Group;
}

/** State and members of a group, from its coordinator; its state is DEAD when there is no such group. */
export async function findGroup(cluster: KafkaCluster, groupId: string): Promise<FoundGroup> {
  const coordinator = await coordinatorOf(cluster, groupId);
  const group =
    (await findClassic(cluster, coordinator, groupId)) ?? (await findNew(cluster, coordinator, groupId));
  const none = { groupId, state: DEAD, protocolType: '', protocol: '', members: [] };
  return { coordinator, group: group ?? none };
}

/** As `findGroup`. Throws REFUSED when there is no such group. */
export async function readGroup(cluster: KafkaCluster, groupId: string): Promise<FoundGroup> {
  const found = await findGroup(cluster, groupId);
  if (found.group.state === DEAD) {
    throw new EdgelogError('REFUSED', `group ${groupId}: GROUP_ID_NOT_FOUND (no such group)`);
  }
  return found;
}

/** Whether offsets of the group can be changed from outside. */
export function isUnused({ state }: Group): boolean {
  return state === 'Empty' || state === DEAD;
}

async function findClassic(
  cluster: KafkaCluster,
  nodeId: number,
  groupId: string,
): Promise<Group | undefined> {
  const { groups } = await cluster.toBroker(nodeId, apis.describeGroups, { groups: [groupId] });
  const group = only(groups, nodeId, groupId);
  if (group.errorCode === ErrorCode.GROUP_ID_NOT_FOUND || group.groupState === DEAD) return undefined;
  check(group.errorCode, `group ${groupId}`, group.errorMessage);
  const { groupState: state, protocolType, protocolData: protocol } = group;
  const members = group.members.map((member) => ({
    ...member,
    // Only consumers put Kafka's assignment into these bytes; Connect and others have their own.
    partitions: protocolType === 'consumer' ? readAssignment(member.memberAssignment) : [],
  }));
  return { groupId, state, protocolType, protocol, members };
}

/** A group of the new protocol [KIP-848], which brokers do not describe as a classic one. */
async function findNew(cluster: KafkaCluster, nodeId: number, groupId: string): Promise<Group | undefined> {
  let answer: ResponseOutput<typeof apis.consumerGroupDescribe>;
  try {
    answer = await cluster.toBroker(nodeId, apis.consumerGroupDescribe, {
      groupIds: [groupId],
      includeAuthorizedOperations: false,
    });
  } catch (error) {
    if (error instanceof EdgelogError && error.code === 'UNSUPPORTED_VERSION') return undefined;
    throw error;
  }
  const group = only(answer.groups, nodeId, groupId);
  if (group.errorCode === ErrorCode.GROUP_ID_NOT_FOUND) return undefined;
  check(group.errorCode, `group ${groupId}`, group.errorMessage);
  const members = group.members.map(({ memberId, instanceId, clientId, clientHost, assignment }) => ({
    memberId,
    groupInstanceId: instanceId,
    clientId,
    clientHost,
    partitions: assignment.topicPartitions.flatMap(({ topicName, partitions }) =>
      partitions.map((partition) => ({ topic: topicName, partition })),
    ),
  }));
  return {
    groupId,
    state: group.groupState,
    protocolType: 'consumer',
    protocol: group.assignorName,
    members,
  };
}

function only<T>(groups: readonly T[], nodeId: number, groupId: string): T {
  const [group] = groups;
  if (group === undefined)
    throw new EdgelogError('REFUSED', `broker ${nodeId} does not answer for ${groupId}`);
  return group;
}

/** Committed offsets of a group, keyed by `partitionKey`. */
export async function fetchCommitted(
  cluster: KafkaCluster,
  coordinator: number,
  groupId: string,
): Promise<Map<string, number>> {
  const answer = await cluster.toBroker(coordinator, apis.offsetFetch, (version) =>
    version >= 8 ? { groups: [{ groupId, topics: null }] } : { groupId, topics: null },
  );
  const [{ errorCode, topics }] = answer.groups.length > 0 ? [answer.groups[0]!] : [answer];
  check(errorCode, `offsets of group ${groupId}`);
  const committed = new Map<string, number>();
  for (const { name, partitions } of topics ?? []) {
    for (const partition of partitions) {
      check(partition.errorCode, `offset of group ${groupId} in ${name}-${partition.partitionIndex}`);
      if (partition.committedOffset >= 0) {
        committed.set(partitionKey(name, partition.partitionIndex), partition.committedOffset);
      }
    }
  }
  return committed;
}

/** Commits an offset for partitions; `member` is who does, left out for a group without members. */
export async function commitOffsets(
  cluster: KafkaCluster,
  coordinator: number,
  groupId: string,
  offsets: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[],
  member: { readonly memberId: string; readonly memberEpoch: number } = { memberId: '', memberEpoch: -1 },
): Promise<void> {
  if (offsets.length === 0) return;
  const byTopic = Map.groupBy(offsets, ({ topic }) => topic);
  const answer = await cluster.toBroker(coordinator, apis.offsetCommit, {
    groupId,
    memberId: member.memberId,
    generationIdOrMemberEpoch: member.memberEpoch,
    topics: Array.from(byTopic, ([name, partitions]) => ({
      name,
      partitions: partitions.map(({ partition, offset }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        committedMetadata: '',
      })),
    })),
  });
  for (const { name, partitions } of answer.topics) {
    for (const { partitionIndex, errorCode } of partitions) {
      check(errorCode, `offset of group ${groupId} in ${name}-${partitionIndex}`);
    }
  }
}
