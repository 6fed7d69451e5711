import { EdgelogError } from '@edgelog/base';
import { apis, ErrorCode } from '@edgelog/wire';
import { type Cluster, check, type TopicMetadata } from '../kafka/cluster.ts';
import { EARLIEST, LATEST, listOffsets, partitionKey } from '../kafka/offsets.ts';
import { printJson, printTable } from '../table.ts';
import { DEAD, fetchCommitted, findGroup } from './group.ts';
import type { Target, WantedTopic, Where } from './reset-target.ts';

interface Reset {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly currentOffset: number | null;
  readonly newOffset: number;
}

/**
 * Sets the committed offsets of groups that have no members, each within its partition's range; without `execute` it
 * only shows them. Throws REFUSED, before anything is written, for a group in use, as Kafka's tool does.
 */
export async function resetOffsets(
  cluster: Cluster,
  groups: readonly string[],
  target: Target,
  { json }: { json: boolean },
): Promise<number> {
  const planned = await Promise.all(groups.map((group) => plan(cluster, group, target)));
  if (target.execute) {
    for (const { groupId, coordinator, resets } of planned)
      await commit(cluster, coordinator, groupId, resets);
  }
  const resets = planned.flatMap((one) => one.resets);
  if (json) printJson({ executed: target.execute, resets });
  else {
    const rows = resets.map(({ group, topic, partition, currentOffset, newOffset }) => [
      group,
      topic,
      partition,
      currentOffset ?? '-',
      newOffset,
    ]);
    printTable(['GROUP', 'TOPIC', 'PARTITION', 'CURRENT-OFFSET', 'NEW-OFFSET'], rows);
  }
  if (!target.execute)
    process.stderr.write('edgelog: nothing was changed; add --execute to reset these offsets\n');
  return 0;
}

async function plan(cluster: Cluster, groupId: string, target: Target) {
  const { coordinator, group } = await findGroup(cluster, groupId);
  if (group.groupState !== 'Empty' && group.groupState !== DEAD) {
    throw new EdgelogError(
      'REFUSED',
      `group ${groupId} is ${group.groupState}: offsets can be reset only while it has no members`,
    );
  }
  const committed = await fetchCommitted(cluster, coordinator, groupId);
  const topics = await choose(cluster, target.topics ?? topicsOf(committed));
  const starts = await listOffsets(cluster, topics, EARLIEST);
  const ends = await listOffsets(cluster, topics, LATEST);
  const { where } = target;
  const timed = where.to === 'datetime' ? await listOffsets(cluster, topics, where.timestamp) : undefined;
  const resets = topics.flatMap(({ name, partitions }): Reset[] =>
    partitions.map(({ partitionIndex: partition }) => {
      const topic = name ?? '';
      const key = partitionKey(topic, partition);
      const start = starts.get(key);
      const end = ends.get(key);
      if (start === undefined || end === undefined) {
        throw new EdgelogError('REFUSED', `partition ${topic}-${partition} has no leader`);
      }
      const currentOffset = committed.get(key) ?? null;
      const wanted = destination(where, { start, end, currentOffset, timed: timed?.get(key) });
      if (wanted === undefined) {
        throw new EdgelogError(
          'REFUSED',
          `group ${groupId} has no committed offset to shift in ${topic}-${partition}`,
        );
      }
      return {
        group: groupId,
        topic,
        partition,
        currentOffset,
        newOffset: Math.min(Math.max(wanted, start), end),
      };
    }),
  );
  return { groupId, coordinator, resets };
}

interface Known {
  readonly start: number;
  readonly end: number;
  readonly currentOffset: number | null;
  /** −1 when no record is as new as the time asked for. */
  readonly timed: number | undefined;
}

/** Undefined: there is nothing to shift. */
function destination(where: Where, { start, end, currentOffset, timed }: Known): number | undefined {
  switch (where.to) {
    case 'earliest':
      return start;
    case 'latest':
      return end;
    case 'offset':
      return where.offset;
    case 'shift':
      return currentOffset === null ? undefined : currentOffset + where.by;
    case 'datetime':
      return timed === undefined || timed < 0 ? end : timed;
  }
}

function topicsOf(committed: ReadonlyMap<string, number>): WantedTopic[] {
  const partitions = new Map<string, number[]>();
  for (const key of committed.keys()) {
    const at = key.lastIndexOf(' ');
    const topic = key.slice(0, at);
    partitions.set(topic, [...(partitions.get(topic) ?? []), Number(key.slice(at + 1))]);
  }
  return Array.from(partitions, ([topic, indexes]) => ({ topic, partitions: indexes }));
}

/** The wanted partitions, ascending. Throws REFUSED for those that do not exist. */
async function choose(cluster: Cluster, wanted: readonly WantedTopic[]): Promise<TopicMetadata[]> {
  if (wanted.length === 0) return [];
  const { topics } = await cluster.metadata([...new Set(wanted.map(({ topic }) => topic))]);
  return topics.map((found) => {
    check(found.errorCode, `topic ${found.name}`);
    const asked = wanted.filter(({ topic }) => topic === found.name);
    const isWhole = asked.some(({ partitions }) => partitions === undefined);
    const indexes = new Set(asked.flatMap(({ partitions }) => partitions ?? []));
    const partitions = found.partitions.filter(({ partitionIndex }) => {
      const isNamed = indexes.delete(partitionIndex);
      return isWhole || isNamed;
    });
    for (const index of indexes)
      check(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `partition ${found.name}-${index}`);
    return { ...found, partitions: partitions.sort((a, b) => a.partitionIndex - b.partitionIndex) };
  });
}

async function commit(cluster: Cluster, coordinator: number, groupId: string, resets: readonly Reset[]) {
  if (resets.length === 0) return;
  const byTopic = Map.groupBy(resets, ({ topic }) => topic);
  const answer = await cluster.request(coordinator, apis.offsetCommit, {
    groupId,
    memberId: '',
    topics: Array.from(byTopic, ([name, partitions]) => ({
      name,
      partitions: partitions.map(({ partition, newOffset }) => ({
        partitionIndex: partition,
        committedOffset: newOffset,
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
