import { EdgelogError } from '@edgelog/base';
import { apis, ErrorCode, type ResponseOutput } from '@edgelog/wire';
import { type Cluster, check } from '../kafka/cluster.ts';
import { LATEST, listOffsets, partitionKey } from '../kafka/offsets.ts';
import { readAssignment } from './assignment.ts';

export interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  /** Null when the group has committed nothing there. */
  readonly currentOffset: number | null;
  /** Null when the partition is gone. */
  readonly endOffset: number | null;
  readonly lag: number | null;
  readonly memberId: string | null;
  readonly host: string | null;
  readonly clientId: string | null;
}

export interface DescribedGroup {
  readonly group: string;
  readonly state: string;
  readonly protocolType: string;
  readonly protocol: string;
  readonly coordinator: number;
  readonly members: number;
  readonly partitions: PartitionLag[];
}

/** Members, committed offsets and lag of one group. Throws REFUSED when there is no such group. */
export async function describeGroup(cluster: Cluster, groupId: string): Promise<DescribedGroup> {
  const coordinator = await cluster.coordinatorOf(groupId);
  const answer = await cluster.request(coordinator, apis.describeGroups, { groups: [groupId] });
  const [group] = answer.groups;
  if (group === undefined)
    throw new EdgelogError('REFUSED', `broker ${coordinator} does not answer for ${groupId}`);
  check(group.errorCode, `group ${groupId}`, group.errorMessage);
  if (group.groupState === 'Dead') {
    throw new EdgelogError('REFUSED', `group ${groupId}: GROUP_ID_NOT_FOUND (no such group)`);
  }
  const committed = await fetchCommitted(cluster, coordinator, groupId);
  const owners = ownersOf(group);
  const keys = new Set([...committed.keys(), ...owners.keys()]);
  const wanted = Array.from(keys, (key) => {
    const at = key.lastIndexOf(' ');
    return { key, topic: key.slice(0, at), partition: Number(key.slice(at + 1)) };
  });
  const topics = (await cluster.metadata([...new Set(wanted.map(({ topic }) => topic))])).topics;
  const ends = await listOffsets(
    cluster,
    topics.filter(({ errorCode }) => errorCode === ErrorCode.NONE),
    LATEST,
  );
  const partitions = wanted.map(({ key, topic, partition }) => {
    const currentOffset = committed.get(key) ?? null;
    const endOffset = ends.get(key) ?? null;
    const owner = owners.get(key);
    return {
      topic,
      partition,
      currentOffset,
      endOffset,
      lag: currentOffset === null || endOffset === null ? null : Math.max(0, endOffset - currentOffset),
      memberId: owner?.memberId ?? null,
      host: owner?.clientHost ?? null,
      clientId: owner?.clientId ?? null,
    };
  });
  return {
    group: groupId,
    state: group.groupState,
    protocolType: group.protocolType,
    protocol: group.protocolData,
    coordinator,
    members: group.members.length,
    partitions: partitions.sort((a, b) =>
      a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
    ),
  };
}

type Group = ResponseOutput<typeof apis.describeGroups>['groups'][number];

function ownersOf({ protocolType, members }: Group): Map<string, Group['members'][number]> {
  const owners = new Map<string, Group['members'][number]>();
  // Only consumers put Kafka's assignment into these bytes; Connect and others have their own.
  if (protocolType !== 'consumer') return owners;
  for (const member of members) {
    for (const { topic, partition } of readAssignment(member.memberAssignment)) {
      owners.set(partitionKey(topic, partition), member);
    }
  }
  return owners;
}

async function fetchCommitted(
  cluster: Cluster,
  coordinator: number,
  groupId: string,
): Promise<Map<string, number>> {
  const answer = await cluster.request(coordinator, apis.offsetFetch, (version) =>
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
