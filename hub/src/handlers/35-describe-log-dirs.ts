import { statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { PartitionLog } from '@edgelog/log';
import { ErrorCode } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import type { Handler, Item } from './handler.ts';

/**
 * DescribeLogDirs: the one data directory, and the bytes that the batches of each partition asked for take on disk, from its
 * log start to its end. Partitions that do not exist are left out of the answer. From 4 on also the size of the volume and
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
    partitions: partitions.flatMap(({ index, replica }) => (replica ? [sizeOf(index, replica)] : [])),
  }));
}

function someTopics(
  { topics }: Broker,
  asked: readonly { topic: string; partitions: readonly number[] }[],
): TopicItem[] {
  return asked.flatMap(({ topic: name, partitions: indexes }) => {
    const partitions = indexes.flatMap((index) => {
      const replica = topics.partition(name, index)?.replica;
      return replica === undefined ? [] : [sizeOf(index, replica)];
    });
    return partitions.length === 0 ? [] : [{ name, partitions }];
  });
}

function sizeOf(partitionIndex: number, log: PartitionLog): TopicItem['partitions'][number] {
  return {
    partitionIndex,
    partitionSize: log.sizeBytesFrom(log.logStartOffset),
    offsetLag: 0,
    isFutureKey: false,
  };
}
