import { apis, ErrorCode, errorName, iterateBatches, iterateRecords, verifyBatchCrc } from '@edgelog/wire';
import type { RawClient } from '../support/raw-client.ts';
import type { CompactedBatch, ObservedCompacted } from './check-compacted.ts';
import type { ObservedPartition, StoredBatch } from './check-partition.ts';
import type { TopicState } from './check-topic.ts';
import { batchId } from './partition-ledger.ts';

const EARLIEST = -2;
const LATEST = -1;
const FETCH_BYTES = 2 ** 20;
const TOPIC_RESOURCE = 2;
/** Where a config's value comes from: the topic itself. */
const SET_FOR_TOPIC = 1;
/** Retention may move the start while a partition is read, then it is read again: nobody writes, so it comes to rest. */
const PATIENCE_MS = 60_000;

/** Reads a partition from its start to its end; every batch's CRC is checked. */
export async function observePartition(
  client: RawClient,
  topic: string,
  index: number,
): Promise<ObservedPartition> {
  return { ...(await observe(client, topic, index, storedBatches)), readAt: Date.now() };
}

/** The same for a compacted partition, record by record. */
export function observeCompacted(
  client: RawClient,
  topic: string,
  index: number,
): Promise<ObservedCompacted> {
  return observe(client, topic, index, compactedBatches);
}

async function observe<Batch extends { lastOffset: number }>(
  client: RawClient,
  topic: string,
  index: number,
  parse: (records: Buffer) => Batch[],
): Promise<{ logStartOffset: number; highWatermark: number; batches: Batch[] }> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < PATIENCE_MS) {
    const logStartOffset = await offsetAt(client, topic, index, EARLIEST);
    const batches = await readFrom(client, topic, index, logStartOffset, parse);
    const highWatermark = await offsetAt(client, topic, index, LATEST);
    const isStill = logStartOffset === (await offsetAt(client, topic, index, EARLIEST));
    if (batches !== undefined && isStill) return { logStartOffset, highWatermark, batches };
  }
  throw new Error(`the start of ${topic}-${index} moves faster than it can be read`);
}

export function observeStart(client: RawClient, topic: string, index: number): Promise<number> {
  return offsetAt(client, topic, index, EARLIEST);
}

async function offsetAt(client: RawClient, topic: string, index: number, timestamp: number): Promise<number> {
  const { topics } = await client.call(apis.listOffsets, 1, {
    replicaId: -1,
    topics: [{ name: topic, partitions: [{ partitionIndex: index, timestamp }] }],
  });
  const { errorCode, offset } = topics[0]!.partitions[0]!;
  if (errorCode !== ErrorCode.NONE)
    throw new Error(`ListOffsets of ${topic}-${index}: ${errorName(errorCode)}`);
  return offset;
}

/** Undefined when the log's start has passed by. */
async function readFrom<Batch extends { lastOffset: number }>(
  client: RawClient,
  topic: string,
  index: number,
  start: number,
  parse: (records: Buffer) => Batch[],
): Promise<Batch[] | undefined> {
  const batches: Batch[] = [];
  for (let offset = start; ; offset = batches.at(-1)!.lastOffset + 1) {
    const { errorCode, records } = await fetchFrom(client, topic, index, offset);
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) return undefined;
    if (errorCode !== ErrorCode.NONE) throw new Error(`Fetch of ${topic}-${index}: ${errorName(errorCode)}`);
    const more = parse(records);
    if (more.length === 0) return batches;
    batches.push(...more);
  }
}

/** At most a mebibyte of batches from `offset` on. */
export async function fetchFrom(
  client: RawClient,
  topic: string,
  index: number,
  offset: number,
): Promise<{ errorCode: number; records: Buffer }> {
  const { responses } = await client.call(apis.fetch, 11, {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: FETCH_BYTES,
    topics: [
      { topic, partitions: [{ partition: index, fetchOffset: offset, partitionMaxBytes: FETCH_BYTES }] },
    ],
    forgottenTopicsData: [],
  });
  const { errorCode, records } = responses[0]!.partitions[0]!;
  return { errorCode, records: records ?? Buffer.alloc(0) };
}

export function storedBatches(records: Buffer): StoredBatch[] {
  return Array.from(iterateBatches(records), ({ at, header }) => {
    verifyBatchCrc(records, at, header);
    const { baseOffset, lastOffset, sizeBytes, producerId, baseSequence, recordCount } = header;
    return {
      id: batchId(header),
      ...{ baseOffset, lastOffset, sizeBytes },
      ...{ producerId, baseSequence, recordCount },
    };
  });
}

function compactedBatches(records: Buffer): CompactedBatch[] {
  return Array.from(iterateBatches(records), ({ at, header }) => {
    verifyBatchCrc(records, at, header);
    const { baseOffset, lastOffset, producerId, baseSequence, recordCount, sizeBytes } = header;
    const left = recordCount === 0 ? [] : iterateRecords(records.subarray(at, at + sizeBytes));
    const kept = Array.from(left, ({ offset, key, value }) => ({
      offset,
      key: String(key),
      value: value?.toString() ?? null,
    }));
    return { baseOffset, lastOffset, producerId, baseSequence, records: kept };
  });
}

/** All topics of clients by name, with what was configured for each. */
export async function observeTopics(client: RawClient): Promise<Map<string, TopicState>> {
  const { topics } = await client.call(apis.metadata, 12, { topics: null, allowAutoTopicCreation: false });
  const own = topics.filter(({ isInternal }) => !isInternal);
  const { results } = await client.call(apis.describeConfigs, 1, {
    resources: own.map(({ name }) => ({
      resourceType: TOPIC_RESOURCE,
      resourceName: name!,
      configurationKeys: null,
    })),
  });
  const configsOf = new Map(results.map(({ resourceName, configs }) => [resourceName, configs]));
  return new Map(
    own.map(({ name, topicId, partitions }) => {
      const set = configsOf.get(name!)!.filter(({ configSource }) => configSource === SET_FOR_TOPIC);
      const configs = Object.fromEntries(set.map((config) => [config.name, config.value!]));
      return [name!, { topicId, partitions: partitions.length, configs }];
    }),
  );
}

/** The offset that a group has committed, −1 when none. */
export async function observeCommit(
  client: RawClient,
  groupId: string,
  topic: string,
  index: number,
): Promise<number> {
  const response = await client.call(apis.offsetFetch, 7, {
    groupId,
    topics: [{ name: topic, partitionIndexes: [index] }],
  });
  const { errorCode, committedOffset } = response.topics[0]!.partitions[0]!;
  if (response.errorCode !== ErrorCode.NONE || errorCode !== ErrorCode.NONE)
    throw new Error(`OffsetFetch of ${groupId}: ${errorName(response.errorCode || errorCode)}`);
  return committedOffset;
}
