import type { KafkaCluster } from '@edgelog/client';
import { ErrorCode } from '@edgelog/wire';
import { LATEST, listOffsets, partitionKey } from '../kafka/offsets.ts';
import { fetchCommitted, type Group, type GroupMember, readGroup } from './group.ts';

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
export async function describeGroup(cluster: KafkaCluster, groupId: string): Promise<DescribedGroup> {
  const { coordinator, group } = await readGroup(cluster, groupId);
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
    state: group.state,
    protocolType: group.protocolType,
    protocol: group.protocol,
    coordinator,
    members: group.members.length,
    partitions: partitions.sort((a, b) =>
      a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
    ),
  };
}

function ownersOf({ members }: Group): Map<string, GroupMember> {
  return new Map(
    members.flatMap((member) =>
      member.partitions.map(({ topic, partition }) => [partitionKey(topic, partition), member] as const),
    ),
  );
}
