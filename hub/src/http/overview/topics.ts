import { isUnderReplicated } from '@edgelog/cluster';
import type { Topic, Topics } from '../../metadata/topics.ts';
import type { Partition } from '../../partition/partition.ts';
import { isOffline } from './health.ts';
import { type OverviewQuery, PAGE_ROWS } from './query.ts';
import { contains, firstByName, pageOf } from './rows.ts';

export function topicsPage(topics: Topics, query: OverviewQuery) {
  const text = query.topics.toLowerCase();
  function* matching() {
    for (const topic of topics.all()) {
      if (!contains(topic.name, text)) continue;
      if (query.problems && !topic.partitions.some(isProblem)) continue;
      yield topic;
    }
  }
  const { matching: count, first } = firstByName(
    matching(),
    ({ name }) => name,
    (query.topicsPage + 1) * PAGE_ROWS,
  );
  const { rows, ...page } = pageOf(first, count, query.topicsPage);
  return { ...page, rows: rows.map(topicRow) };
}

function isProblem({ leadership }: Partition): boolean {
  return isOffline(leadership) || isUnderReplicated(leadership);
}

function topicRow({ name, isInternal, partitions }: Topic) {
  return {
    name,
    internal: isInternal,
    partitions: partitions.length,
    offline: partitions.filter(({ leadership }) => isOffline(leadership)).length,
    underReplicated: partitions.filter(({ leadership }) => isUnderReplicated(leadership)).length,
    /** In the partitions that have a replica here. */
    records: partitions.reduce((sum, partition) => sum + recordsOf(partition), 0),
    /** Some have none, so that there may be more. */
    isPartial: partitions.some(({ replica }) => replica === undefined),
  };
}

function recordsOf({ replica, highWatermark }: Partition): number {
  return replica === undefined ? 0 : Math.max(0, highWatermark - replica.logStartOffset);
}

/** One topic with its partitions, a page of them; null when there is none of that name. */
export function topicDetail(topics: Topics, { topic: name, partitionsPage }: OverviewQuery) {
  const topic = name === undefined ? undefined : topics.get(name);
  if (topic === undefined) return null;
  const { rows, ...page } = pageOf(topic.partitions, topic.partitions.length, partitionsPage);
  return { ...topicRow(topic), id: topic.id, configs: topic.configs, ...page, rows: rows.map(partitionRow) };
}

function partitionRow({ index, leadership, replica, highWatermark }: Partition) {
  const { leaderId, leaderEpoch, replicas, isr, elr, adding, removing } = leadership;
  return {
    partition: index,
    leader: leaderId,
    leaderEpoch,
    replicas,
    isr,
    elr,
    adding,
    removing,
    /** Of the replica here. */
    log:
      replica === undefined
        ? null
        : {
            startOffset: replica.logStartOffset,
            endOffset: highWatermark,
            sizeBytes: replica.sizeBytesFrom(replica.logStartOffset),
          },
  };
}
