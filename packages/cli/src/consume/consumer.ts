import { setTimeout as sleep } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import { check, type KafkaCluster, KafkaRefusal, type TopicMetadata } from '@edgelog/client';
import {
  apis,
  type BatchHeader,
  type BatchRecord,
  ErrorCode,
  iterateRecords,
  type ResponseOutput,
  readBatchHeader,
} from '@edgelog/wire';
import { EARLIEST, listOffsets, partitionKey } from '../kafka/offsets.ts';
import { topicOf } from '../kafka/topic.ts';

const MAX_WAIT_MS = 500;
const FETCH_BYTES_MAX = 8 * 2 ** 20;
const PARTITION_BYTES_MAX = 2 ** 20;
const BATCH_PREFIX_BYTES = 12;
const RETRY_MS = 500;

/** Where a partition is read next, and where to stop. */
export interface Position {
  readonly partition: number;
  /** One past the last record taken. */
  offset: number;
  /** Exclusive; undefined: never. */
  readonly endOffset: number | undefined;
  /** As long as the user's own offset counts: one that is out of range is a fault then, and a reason to go on later. */
  isExact: boolean;
}

/** Takes one record of a batch; false when it wants no more. */
export type OnRecord = (
  partition: number,
  record: BatchRecord,
  batch: BatchHeader,
) => boolean | Promise<boolean>;

export interface ConsumeOptions {
  readonly onRecord: OnRecord;
  readonly signal: AbortSignal;
  /** Told of what passes by itself: a broker that is away, records that retention took before they were read. */
  readonly onNotice: (notice: string) => void;
}

/**
 * Reads partitions of one topic, each in order, until all are at their end, `onRecord` wants no more, or `signal` is
 * aborted. One fetch is under way for each leader, and the next one begins when its records are taken. While a broker is
 * away it waits for it, and a partition that has moved is followed to its new leader.
 */
export async function consume(
  cluster: KafkaCluster,
  found: TopicMetadata,
  positions: readonly Position[],
  { onRecord, signal, onNotice }: ConsumeOptions,
): Promise<void> {
  const name = found.name ?? '';
  let topic = found;
  let isDone = false;
  for (;;) {
    const round = new AbortController();
    const faults = await readAll(AbortSignal.any([signal, round.signal]), () => round.abort());
    if (isDone || signal.aborted || faults.length === 0) return;
    const final = faults.find((fault) => !isPassing(fault));
    if (final !== undefined) throw final;
    onNotice(`${(faults[0] as Error).message}; trying again`);
    do {
      await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
      const again = await topicOf(cluster, name).catch((error: unknown) => error);
      if (!(again instanceof Error)) topic = again as TopicMetadata;
      else if (!isPassing(again)) throw again;
      else continue;
      break;
    } while (!signal.aborted);
  }

  /** The faults that ended the reading of a leader, the first of which calls `stop`. */
  async function readAll(until: AbortSignal, stop: () => void): Promise<unknown[]> {
    const leaderOf = new Map(topic.partitions.map((one) => [one.partitionIndex, one.leaderId]));
    const byLeader = Map.groupBy(positions, ({ partition }) => leaderOf.get(partition) ?? -1);
    const faults: unknown[] = [];
    await Promise.all(
      Array.from(byLeader, ([leader, own]) =>
        readLeader(leader, own, until).catch((error: unknown) => {
          faults.push(error);
          stop();
        }),
      ),
    );
    return faults;
  }

  async function readLeader(leader: number, own: Position[], until: AbortSignal): Promise<void> {
    const byPartition = new Map(own.map((position) => [position.partition, position]));
    let order = own;
    while (!isDone && !until.aborted) {
      const open = order.filter(({ offset, endOffset }) => endOffset === undefined || offset < endOffset);
      if (open.length === 0) return;
      const answer = await orAborted(fetch(leader, open), until);
      if (answer === undefined) return;
      check(answer.errorCode, `fetch from broker ${leader}`);
      const gave = new Set<Position>();
      for (const one of answer.responses.flatMap(({ partitions }) => partitions)) {
        const position = byPartition.get(one.partitionIndex);
        if (position !== undefined && (await take(one, position, until))) gave.add(position);
        if (isDone || until.aborted) return;
      }
      // A response is filled in the order asked for: those that gave nothing come first next time.
      order = [...open.filter((position) => !gave.has(position)), ...gave];
    }
  }

  function fetch(leader: number, open: readonly Position[]) {
    const body = {
      maxWaitMs: MAX_WAIT_MS,
      minBytes: 1,
      maxBytes: FETCH_BYTES_MAX,
      topics: [
        {
          topic: name,
          topicId: topic.topicId,
          partitions: open.map(({ partition, offset }) => ({
            partition,
            fetchOffset: offset,
            partitionMaxBytes: PARTITION_BYTES_MAX,
          })),
        },
      ],
      forgottenTopicsData: [],
    };
    return cluster.toBroker(leader, apis.fetch, body, { purpose: 'fetch' });
  }

  /** Whether there were records. */
  async function take(answer: PartitionAnswer, position: Position, until: AbortSignal): Promise<boolean> {
    const { partition } = position;
    if (answer.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE && !position.isExact) {
      await skipToStart(position);
      return false;
    }
    check(answer.errorCode, `offset ${position.offset} of ${name}-${partition}`);
    position.isExact = false;
    const records = answer.records ?? Buffer.alloc(0);
    for (const batch of wholeBatches(records)) {
      const header = readBatchHeader(batch);
      if (header.lastOffset < position.offset) continue;
      for (const record of header.isControl ? [] : iterateRecords(batch)) {
        if (record.offset < position.offset) continue;
        if (position.endOffset !== undefined && record.offset >= position.endOffset) break;
        if (isDone || until.aborted) return true;
        const wantsMore = onRecord(partition, record, header);
        position.offset = record.offset + 1;
        if (!(typeof wantsMore === 'boolean' ? wantsMore : await wantsMore)) isDone = true;
      }
      if (isDone) return true;
      position.offset = header.lastOffset + 1;
    }
    return records.length > 0;
  }

  /** Retention may be faster than a reader. */
  async function skipToStart(position: Position): Promise<void> {
    const { partition, offset } = position;
    const start = (await listOffsets(cluster, [topic], EARLIEST)).get(partitionKey(name, partition));
    if (start === undefined || start <= offset) {
      check(ErrorCode.OFFSET_OUT_OF_RANGE, `offset ${offset} of ${name}-${partition}`);
      return;
    }
    onNotice(
      `${name}-${partition} begins at offset ${start} now: offsets ${offset} to ${start - 1} are gone`,
    );
    position.offset = start;
  }
}

type PartitionAnswer = ResponseOutput<typeof apis.fetch>['responses'][number]['partitions'][number];

const MOVED: ReadonlySet<number> = new Set([
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
]);

/** Whether to try again: the broker is away, or the partition has moved. */
export function isPassing(error: unknown): boolean {
  if (error instanceof KafkaRefusal) return MOVED.has(error.errorCode);
  return error instanceof EdgelogError && (error.code === 'CONNECTION_LOST' || error.code === 'TIMEOUT');
}

/** Undefined when `signal` is aborted before the answer is there. */
function orAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

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
