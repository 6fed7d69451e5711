import { EdgelogError } from '@edgelog/base';
import { check, type KafkaCluster, type TopicMetadata } from '@edgelog/client';
import { ErrorCode } from '@edgelog/wire';
import { EARLIEST, LATEST, listOffsets, partitionKey } from '../kafka/offsets.ts';
import { printJson, printTable } from '../table.ts';
import { commitOffsets, fetchCommitted, findGroup, isUnused } from './group.ts';
import type { OffsetRow } from './offset-file.ts';
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
  cluster: KafkaCluster,
  groups: readonly string[],
  target: Target,
  { json }: { json: boolean },
): Promise<number> {
  const planned = await Promise.all(groups.map((group) => plan(cluster, group, target)));
  if (target.execute) {
    for (const { groupId, coordinator, resets } of planned) {
      const offsets = resets.map(({ newOffset, ...place }) => ({ ...place, offset: newOffset }));
      await commitOffsets(cluster, coordinator, groupId, offsets);
    }
  }
  const resets = planned.flatMap((one) => one.resets);
  if (target.isExport) printCsv(resets, groups.length > 1);
  else if (json) printJson({ executed: target.execute, resets });
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

async function plan(cluster: KafkaCluster, groupId: string, target: Target) {
  const { coordinator, group } = await findGroup(cluster, groupId);
  if (!isUnused(group)) {
    throw new EdgelogError(
      'REFUSED',
      `group ${groupId} is ${group.state}: offsets can be reset only while it has no members`,
    );
  }
  const committed = await fetchCommitted(cluster, coordinator, groupId);
  const { where } = target;
  const fromFile = where.to === 'file' ? rowsOf(where.rows, groupId) : undefined;
  const wantedTopics = target.topics ?? topicsOf((fromFile ?? committed).keys());
  const topics = await choosePartitions(cluster, wantedTopics);
  const starts = await listOffsets(cluster, topics, EARLIEST);
  const ends = await listOffsets(cluster, topics, LATEST);
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
      const wanted = destination(where, {
        start,
        end,
        currentOffset,
        timed: timed?.get(key),
        filed: fromFile?.get(key),
      });
      if (wanted === undefined) {
        throw new EdgelogError(
          'REFUSED',
          `group ${groupId} has no committed offset to shift in ${topic}-${partition}`,
        );
      }
      const newOffset = Math.min(Math.max(wanted, start), end);
      if (newOffset !== wanted) {
        const range = `${topic}-${partition} holds offsets ${start} to ${end}`;
        process.stderr.write(`edgelog: ${range}: ${newOffset} is taken for ${wanted}\n`);
      }
      return { group: groupId, topic, partition, currentOffset, newOffset };
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
  /** What the file of --from-file says. */
  readonly filed: number | undefined;
}

/** Undefined: there is nothing to shift. */
function destination(where: Where, { start, end, currentOffset, timed, filed }: Known): number | undefined {
  switch (where.to) {
    case 'earliest':
      return start;
    case 'latest':
      return end;
    case 'offset':
      return where.offset;
    case 'shift':
      return currentOffset === null ? undefined : currentOffset + where.by;
    case 'current':
      return currentOffset ?? end;
    case 'file':
      return filed;
    case 'datetime':
      return timed === undefined || timed < 0 ? end : timed;
  }
}

function topicsOf(keys: Iterable<string>): WantedTopic[] {
  const partitions = new Map<string, number[]>();
  for (const key of keys) {
    const at = key.lastIndexOf(' ');
    const topic = key.slice(0, at);
    partitions.set(topic, [...(partitions.get(topic) ?? []), Number(key.slice(at + 1))]);
  }
  return Array.from(partitions, ([topic, indexes]) => ({ topic, partitions: indexes }));
}

/** The rows of a file that are this group's, as the map of committed offsets is. */
function rowsOf(rows: readonly OffsetRow[], groupId: string): Map<string, number> {
  return new Map(
    rows
      .filter(({ group }) => group === undefined || group === groupId)
      .map(({ topic, partition, offset }) => [partitionKey(topic, partition), offset]),
  );
}

/** What --from-file takes. */
function printCsv(resets: readonly Reset[], withGroup: boolean): void {
  for (const { group, topic, partition, newOffset } of resets) {
    const fields = [...(withGroup ? [group] : []), topic, partition, newOffset];
    process.stdout.write(`${fields.join(',')}\n`);
  }
}

/** The wanted partitions, ascending. Throws REFUSED for those that do not exist. */
export async function choosePartitions(
  cluster: KafkaCluster,
  wanted: readonly WantedTopic[],
): Promise<TopicMetadata[]> {
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
