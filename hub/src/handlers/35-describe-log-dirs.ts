import { statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ErrorCode } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import type { Partition } from '../partition/partition.ts';
import type { Handler, Item } from './handler.ts';

/**
 * DescribeLogDirs: the one data directory, and the bytes that the batches of each partition asked for take on disk, from its
 * log start to its end. Partitions that do not exist, or have no replica here, are left out of the answer. `offsetLag` is how far the
 * replica is behind the high watermark that it knows, as in Kafka. From 4 on also the size of the volume and
 * what is free on it [KIP-827].
 *
 * Segments hold the batches of all partitions, so what lies below a log start takes space until its segments go.
 */
export const describeLogDirs: Handler<'describeLogDirs'> = async (request, { broker }) => {
  const topics = request.topics === null ? allTopics(broker) : someTopics(broker, request.topics);
  const logDir = resolve(broker.settings.dataDir);
  const { bsize, blocks, bavail } = await statfs(logDir);
  const volume = { totalBytes: bsize * blocks, usableBytes: bsize * bavail };
  return { results: [{ errorCode: ErrorCode.NONE, logDir, topics, ...volume }] };
};

type TopicItem = Item<'describeLogDirs', 'results'>['topics'][number];

function allTopics({ topics }: Broker): TopicItem[] {
  return Array.from(topics.all(), ({ name, partitions }) => ({
    name,
    partitions: partitions.flatMap(replicaOf),
  }));
}

function someTopics(
  { topics }: Broker,
  asked: readonly { topic: string; partitions: readonly number[] }[],
): TopicItem[] {
  return asked.flatMap(({ topic: name, partitions: indexes }) => {
    const partitions = indexes.flatMap((index) => replicaOf(topics.partition(name, index)));
    return partitions.length === 0 ? [] : [{ name, partitions }];
  });
}

/** Nothing where this broker has no replica. */
function replicaOf(partition: Partition | undefined): TopicItem['partitions'] {
  const log = partition?.replica;
  if (partition === undefined || log === undefined) return [];
  return [
    {
      partitionIndex: partition.index,
      partitionSize: log.sizeBytesFrom(log.logStartOffset),
      offsetLag: Math.max(0, partition.highWatermark - log.logEndOffset),
      isFutureKey: false,
    },
  ];
}
