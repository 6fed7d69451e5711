import { setTimeout as delay } from 'node:timers/promises';
import { assert, EdgelogError } from '@edgelog/base';
import type { AppendError, LogStore } from '@edgelog/log';
import {
  foreignBatch,
  type HubAppend,
  outOfOrder,
  type Position,
  type Refusal,
  type RefusalCode,
  refuse,
} from '@edgelog/sync';
import { type BatchHeader, readBatchHeader, SEQUENCE_MODULUS } from '@edgelog/wire';
import type { Topic, Topics } from '../metadata/topics.ts';
import type { Partition } from '../partition/partition.ts';
import { deletedTopic, notAvailable } from './refusal.ts';
import type { Run, Runs } from './runs.ts';

const REFUSAL_OF: Readonly<Record<AppendError, RefusalCode>> = {
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'out-of-order',
  DUPLICATE_SEQUENCE_NUMBER: 'out-of-order',
  INVALID_PRODUCER_EPOCH: 'protocol-error',
  INVALID_RECORD: 'corrupt-batch',
  CORRUPT_MESSAGE: 'corrupt-batch',
};

/**
 * Under what appends to a run are taken: by the leader in the epoch in which the run was opened, and until it is opened again. So what an
 * older session of the run has on its way is not mixed with what the newer one sends.
 */
export interface Opening {
  readonly leaderEpoch: number;
  /** Drawn by the leader, for each opening another. */
  readonly number: number;
}

/** Where a run stands, by the leader of its partition. */
export interface OpenedRun {
  readonly ok: true;
  readonly opening: Opening;
  readonly position: Position | undefined;
}

export interface RunLeaderDeps {
  readonly store: Pick<LogStore, 'flushed'>;
  readonly topics: Topics;
  readonly runs: Runs;
}

/** How long this broker may be behind another in what it knows of a run, or of its own leadership. */
const BEHIND_MS_MAX = 500;
const LOOK_AGAIN_MS = 20;
/** How long an opening may wait for what is in flight of its run. */
const SETTLE_MS_MAX = 10_000;

/** The runs whose partitions this broker leads: where they stand, and appends to them, for its own gateways and for those of other brokers. */
export class RunLeader {
  readonly #deps: RunLeaderDeps;
  /** The last opening of each run, by producer id. */
  readonly #openings = new Map<number, number>();
  #lastOpening = 0;

  constructor(deps: RunLeaderDeps) {
    this.#deps = deps;
  }

  /**
   * The run's position, once all that the log has of the run is committed: so no leader after this one will know less. What was appended
   * before under another opening is in it, and nothing more is taken under that.
   */
  async open(run: Run): Promise<OpenedRun | Refusal> {
    const { runs, store } = this.#deps;
    const partition = runs.partitionOf(run);
    if (partition === undefined) return refuse('topic-missing', deletedTopic(run.topic));
    const { leaderRefusal, commitRefusal } = partition.replication;
    if (leaderRefusal !== 'NONE') return notAvailable(run, leaderRefusal);
    // Not waited for: others' openings on the same connection are answered after this one.
    if (commitRefusal !== 'NONE') return notAvailable(run, commitRefusal);
    const { leaderEpoch } = partition.leadership;
    const number = ++this.#lastOpening;
    this.#openings.set(run.producerId, number);
    const position = runs.position(run);
    try {
      const flushed = store.flushed();
      const error = await within(partition.replication.committed(endOf(run, partition), flushed));
      if (error !== 'NONE') return notAvailable(run, error);
    } catch (error) {
      return refuse('store-failed', error instanceof Error ? error.message : String(error));
    }
    return { ok: true, opening: { leaderEpoch, number }, position };
  }

  /** The same for another broker's gateway: that broker may have heard of the run, or of who leads it, before this one. */
  async openFor(producerId: number, topicId: string, partition: number): Promise<OpenedRun | Refusal> {
    const { runs } = this.#deps;
    for (const startedAt = performance.now(); ; await delay(LOOK_AGAIN_MS)) {
      const run = runs.get(producerId);
      const isKnown = run?.topicId === topicId && run.partition === partition;
      if (isKnown && runs.partitionOf(run)?.replication.leaderRefusal === 'NONE') return this.open(run);
      if (performance.now() - startedAt < BEHIND_MS_MAX) continue;
      return refuse('not-available', `run ${producerId} is not led here`);
    }
  }

  /** Appends a batch, which is the run's next. */
  append(producerId: number, opening: Opening, batch: Buffer): HubAppend {
    const { runs, topics } = this.#deps;
    const run = runs.get(producerId);
    if (run === undefined) return refuse('not-available', `run ${producerId} is not known to the leader`);
    const topic = topics.byId(run.topicId);
    const partition = topic?.partitions[run.partition];
    if (topic === undefined || partition === undefined)
      return refuse('topic-missing', deletedTopic(run.topic));
    const { leaderRefusal, commitRefusal } = partition.replication;
    if (leaderRefusal !== 'NONE') return notAvailable(run, leaderRefusal);
    if (partition.leadership.leaderEpoch !== opening.leaderEpoch)
      return notAvailable(run, 'FENCED_LEADER_EPOCH');
    if (this.#openings.get(producerId) !== opening.number) return notAvailable(run, 'it was opened again');
    if (commitRefusal !== 'NONE') return notAvailable(run, commitRefusal);
    try {
      const header = readBatchHeader(batch);
      return this.#check(run, topic, batch, header) ?? this.#append(run, partition, batch, header);
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      return refuse(error.code === 'CORRUPT_BATCH' ? 'corrupt-batch' : 'store-failed', error.message);
    }
  }

  #check(run: Run, topic: Topic, batch: Buffer, header: BatchHeader): Refusal | undefined {
    if (header.sizeBytes !== batch.length) {
      return refuse('corrupt-batch', `${batch.length} bytes hold a batch of ${header.sizeBytes}`);
    }
    if (header.sizeBytes > topic.maxMessageBytes) {
      const limit = `topic ${topic.name} takes up to ${topic.maxMessageBytes} (max.message.bytes)`;
      return refuse('batch-too-large', `the batch has ${header.sizeBytes} bytes, ${limit}`);
    }
    const foreign = foreignBatch(header, run.producerId);
    if (foreign !== undefined) return foreign;
    // Not even a repeat: a session starts at the run's position, so whoever sends below it is a clone under another
    // name, whose records at these offsets are other ones. Compared anew, it finds out and begins a run of its own.
    return outOfOrder(header, this.#deps.runs.position(run)?.next ?? run.firstOffset);
  }

  #append(run: Run, partition: Partition, batch: Buffer, header: BatchHeader): HubAppend {
    const { crc } = header;
    const result = partition.append(batch, header);
    if (!result.ok) return refuse(REFUSAL_OF[result.error], result.message);
    const position = this.#deps.runs.position(run)!;
    assert(position.crc === crc, `run ${run.producerId} ends with the batch just appended`);
    const committed = partition.replication.committed(result.lastOffset + 1, result.flushed);
    return {
      ok: true,
      committed: committed.then((error) => (error === 'NONE' ? position : notAvailable(run, error))),
    };
  }
}

/** One past the run's last batch in the partition, 0 where there is none. */
function endOf({ producerId }: Run, { log }: Partition): number {
  const last = log.producer(producerId)?.batches.at(-1);
  if (last === undefined) return 0;
  const { baseOffset, firstSequence, lastSequence } = last;
  return Math.min(
    log.logEndOffset,
    baseOffset + ((lastSequence - firstSequence + SEQUENCE_MODULUS) % SEQUENCE_MODULUS) + 1,
  );
}

async function within<T>(outcome: Promise<T>): Promise<T | 'REQUEST_TIMED_OUT'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'REQUEST_TIMED_OUT'>((resolve) => {
    timer = setTimeout(() => resolve('REQUEST_TIMED_OUT'), SETTLE_MS_MAX);
  });
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}
