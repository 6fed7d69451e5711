import { EdgelogError } from '@edgelog/base';
import { apis, type BatchRecord, iterateRecords, type ResponseOutput, readBatchHeader } from '@edgelog/wire';
import { type Cluster, check, type TopicMetadata } from '../kafka/cluster.ts';

const MAX_WAIT_MS = 500;
const FETCH_BYTES_MAX = 8 * 2 ** 20;
const PARTITION_BYTES_MAX = 2 ** 20;
const BATCH_PREFIX_BYTES = 12;

/** Where a partition is read next, and where to stop. */
export interface Position {
  readonly partition: number;
  offset: number;
  /** Exclusive; undefined: never. */
  readonly endOffset: number | undefined;
}

/** Takes one record; false when it wants no more. */
export type OnRecord = (partition: number, record: BatchRecord) => boolean | Promise<boolean>;

/**
 * Reads partitions of one topic, each in order, until all are at their end, `onRecord` wants no more, or `signal` is
 * aborted. One fetch is under way for each leader, and the next one begins when its records are taken.
 */
export async function consume(
  cluster: Cluster,
  topic: TopicMetadata,
  positions: readonly Position[],
  onRecord: OnRecord,
  signal: AbortSignal,
): Promise<void> {
  const leaderOf = new Map(
    topic.partitions.map(({ partitionIndex, leaderId }) => [partitionIndex, leaderId]),
  );
  const byLeader = Map.groupBy(positions, ({ partition }) => leaderOf.get(partition) ?? -1);
  let isDone = false;
  const isOver = () => isDone || signal.aborted;
  await Promise.all(Array.from(byLeader, ([leader, own]) => readLeader(leader, own)));

  async function readLeader(leader: number, own: Position[]): Promise<void> {
    while (!isOver()) {
      const open = own.filter(({ offset, endOffset }) => endOffset === undefined || offset < endOffset);
      if (open.length === 0) return;
      const answer = await cluster.request(leader, apis.fetch, {
        maxWaitMs: MAX_WAIT_MS,
        minBytes: 1,
        maxBytes: FETCH_BYTES_MAX,
        topics: [
          {
            topic: topic.name ?? '',
            topicId: topic.topicId,
            partitions: open.map(({ partition, offset }) => ({
              partition,
              fetchOffset: offset,
              partitionMaxBytes: PARTITION_BYTES_MAX,
            })),
          },
        ],
        forgottenTopicsData: [],
      });
      check(answer.errorCode, `fetch from broker ${leader}`);
      for (const one of answer.responses.flatMap(({ partitions }) => partitions)) {
        const position = own.find(({ partition }) => partition === one.partitionIndex);
        if (position !== undefined) await take(one, position);
        if (isOver()) return;
      }
      // A response is filled in the order asked for: another partition comes first next time.
      own.push(...own.splice(0, 1));
    }
  }

  async function take(answer: PartitionAnswer, position: Position): Promise<void> {
    const { partition } = position;
    check(answer.errorCode, `offset ${position.offset} of ${topic.name}-${partition}`);
    for (const batch of wholeBatches(answer.records ?? Buffer.alloc(0))) {
      const header = readBatchHeader(batch);
      if (header.lastOffset < position.offset) continue;
      for (const record of header.isControl ? [] : iterateRecords(batch)) {
        if (record.offset < position.offset) continue;
        if (position.endOffset !== undefined && record.offset >= position.endOffset) break;
        if (isOver()) return;
        const wantsMore = onRecord(partition, record);
        if (!(typeof wantsMore === 'boolean' ? wantsMore : await wantsMore)) isDone = true;
      }
      position.offset = header.lastOffset + 1;
    }
  }
}

type PartitionAnswer = ResponseOutput<typeof apis.fetch>['responses'][number]['partitions'][number];

/** A broker may cut the last batch off where its response is full; it is fetched again. */
function* wholeBatches(records: Buffer): Generator<Buffer, void, undefined> {
  for (let at = 0; at + BATCH_PREFIX_BYTES <= records.length; ) {
    const sizeBytes = BATCH_PREFIX_BYTES + records.readInt32BE(at + 8);
    if (sizeBytes < BATCH_PREFIX_BYTES) {
      throw new EdgelogError('CORRUPT_BATCH', `a batch of ${sizeBytes} bytes in a Fetch response`);
    }
    if (at + sizeBytes > records.length) return;
    yield records.subarray(at, at + sizeBytes);
    at += sizeBytes;
  }
}
