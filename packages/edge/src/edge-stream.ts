import { assert, type Cancel, EdgelogError, type Timers } from '@edgelog/base';
import { type PartitionLog, StoredDamageError } from '@edgelog/log';
import {
  BATCH_HEADER_BYTES,
  type CompressionName,
  type RecordsEncoder,
  readBatchHeader,
  type SealOptions,
  sequenceOf,
} from '@edgelog/wire';
import type { BatchMemory } from './batch-memory.ts';
import { nextTimestamp } from './clock-types.ts';
import type { Awaited } from './commit-pace.ts';
import { effortFor } from './effort.ts';
import { GrowingBatch } from './growing-batch.ts';
import { lingerFor } from './linger.ts';
import { type Reading, readingBytes } from './reading.ts';
import { sealOffThread } from './seal-off-thread.ts';
import { decodeTailChunk } from './tail-chunk.ts';
import type { TurnClock } from './turn-clock.ts';

export interface SealingOptions {
  batchBytes: number;
  lingerMs: number;
  compression: CompressionName;
  /** Makes a batch of the records. Default: compressed off the main thread. */
  seal?: (records: RecordsEncoder, options: SealOptions) => Promise<Buffer>;
}

/** What a stream needs of its surroundings. */
export interface StreamHost {
  /** What readings are stamped with. */
  readonly clock: Pick<TurnClock, 'now' | 'isTrusted' | 'monotonicMs'>;
  /** ms */
  monotonicMs(): number;
  readonly timers: Timers;
  /** For batches of `batchBytes` and `ENCODER_RESERVE_BYTES`, and what they become. */
  readonly memory: BatchMemory;
  /** Have `turn` called soon, together with other streams; `isUrgent`: waiting for more readings is of no use. */
  requestTurn(isUrgent?: boolean): void;
  /** Linger seals only while a batch could travel at once. */
  isUplinkLive(): boolean;
  /** More is sealed than the uplink can send, and what is sealed now would have to wait. */
  isUplinkCongested(): boolean;
  pending(bytes: number): void;
  durable(bytes: number, waitedMs: number): void;
  /** A sealed batch is on disk. */
  sealed(): void;
  failed(error: unknown): void;
}

export interface Append {
  offset: number;
  /** Resolves when the reading is on disk; shared by all readings of a turn. Rejects with STORE_FAILED. */
  durable: Promise<void>;
}

export interface AwaitedAppend extends Append {
  /** Whether `durable` was resolved. */
  awaited: Awaited;
}

/** A turn that brings this part of a batch seals it at once: staging it first would write it twice. */
const SEAL_AT_ONCE_PART = 2;
/** The encoder reserves this much for a record's lengths; a batch closed before it is reached never outgrows its buffer. */
export const ENCODER_RESERVE_BYTES = 512;
/** A batch that begins so soon after the one before it fills its memory at once. */
const FLOOD_MS = 50;

/**
 * The readings of one Kafka topic in the order they came. The newest are an open tail in the log, durable with the
 * group commit after the turn that brought them; size or linger seals them into one compressed batch, offsets unchanged.
 */
export class EdgeStream {
  readonly topic: string;
  readonly log: PartitionLog;
  readonly #options: SealingOptions;
  readonly #host: StreamHost;
  readonly #run: () => { producerId: number; firstOffset: number };
  /** Oldest first; all but the last are closed. */
  #batches: GrowingBatch[] = [];
  #durableEndOffset: number;
  #clockFloor: number;
  #linger: Cancel | undefined;
  /** Of the open batch: from the one before it, ms. */
  #sinceBatchBeforeMs = Number.POSITIVE_INFINITY;
  #lastOpenedAt = Number.NEGATIVE_INFINITY;

  /** Takes up the tail that the log holds. Throws CORRUPT_BATCH. */
  constructor(
    topic: string,
    log: PartitionLog,
    clockFloor: number,
    run: () => { producerId: number; firstOffset: number },
    options: SealingOptions,
    host: StreamHost,
  ) {
    this.topic = topic;
    this.log = log;
    this.#run = run;
    this.#options = options;
    this.#host = host;
    this.#clockFloor = this.#newestSealed() ?? clockFloor;
    this.#restoreTail();
    this.#durableEndOffset = this.endOffset;
  }

  /** One past the last reading, durable or not. */
  get endOffset(): number {
    return this.#batches.at(-1)?.nextOffset ?? this.log.tailEndOffset;
  }

  /** One past the last reading on disk: nothing above is shown to anybody. */
  get durableEndOffset(): number {
    return this.#durableEndOffset;
  }

  /**
   * The batch that holds an offset and is not sealed yet, as it would be sealed now without compression: it may go on
   * past `durableEndOffset`. Undefined where a seal that holds the offset is being flushed.
   */
  unsealedBatch(offset: number): Buffer | undefined {
    const holds = ({ encoder, nextOffset }: GrowingBatch) =>
      encoder.baseOffset <= offset && offset < nextOffset;
    const encoder = this.#batches.find(holds)?.encoder;
    return encoder?.sealSync({
      compression: 'none',
      producerId: this.#run().producerId,
      producerEpoch: 0,
      baseSequence: sequenceOf(encoder.baseOffset),
    });
  }

  /** Record timestamp given last, ms (`nextTimestamp`). */
  get clockFloor(): number {
    return this.#clockFloor;
  }

  /** Where the open batch begins; the end of the stream where there is none. No batch ever crosses it. */
  get openBatchOffset(): number {
    return this.#open()?.encoder.baseOffset ?? this.endOffset;
  }

  /** Encoded bytes that are not sealed yet. */
  get unsealedBytes(): number {
    return this.#batches.reduce((sum, { encoder }) => sum + encoder.sizeBytes, 0);
  }

  /** Timestamp of the oldest reading that is not sealed. */
  get oldestUnsealed(): number | undefined {
    return this.#batches[0]?.encoder.baseTimestamp;
  }

  /** Takes a reading, for which the caller has `turn` called. `alongside` runs in the turn whose transaction makes it durable: state put there commits with it. */
  append(reading: Reading, alongside?: () => void): AwaitedAppend {
    const timestamp = nextTimestamp(this.#clockFloor, this.#host.clock);
    const isBack = timestamp < this.#clockFloor;
    this.#clockFloor = timestamp;
    const monotonicMs = this.#host.clock.monotonicMs();
    let open = this.#open();
    const sizeBytes = readingBytes(reading) + ENCODER_RESERVE_BYTES;
    // A batch of its own behind a step back: the greatest time of the newest batch is where time goes on after a restart.
    if (open !== undefined && (isBack || this.#isComplete(open, sizeBytes))) {
      this.#close(open);
      open = undefined;
    }
    if (open === undefined) {
      this.#sinceBatchBeforeMs = monotonicMs - this.#lastOpenedAt;
      const memory = this.#sinceBatchBeforeMs < FLOOD_MS ? this.#host.memory.take() : undefined;
      open = new GrowingBatch({ baseOffset: this.endOffset, baseTimestamp: timestamp, memory }, monotonicMs);
      this.#batches.push(open);
      this.#lastOpenedAt = monotonicMs;
      this.armLinger();
    }
    const offset = open.nextOffset;
    const { bytes, durable, awaited } = open.append(reading, { timestamp, monotonicMs }, alongside);
    this.#host.pending(bytes);
    return { offset, durable, awaited };
  }

  /** What the log will be handed on top of what it has: readings that are not staged, and the header of each batch that is not sealed. */
  get comingBytes(): number {
    return this.#batches.reduce((sum, { unstagedBytes }) => sum + unstagedBytes + BATCH_HEADER_BYTES, 0);
  }

  /**
   * Hands to the log what came since the last turn: sealed batches in order, then what the open tail lacks. Readings
   * behind a batch that is still being compressed and not staged wholly wait for its seal. True if anything was handed over.
   */
  turn(): boolean {
    const open = this.#open();
    if (open !== undefined && open.unstagedBytes * SEAL_AT_ONCE_PART >= this.#options.batchBytes)
      this.#close(open);
    let handedOver = false;
    while (this.#batches[0]?.sealed !== undefined) {
      this.#seal(this.#batches.shift()!);
      handedOver = true;
    }
    for (const batch of this.#batches) {
      if (!batch.hasUnstaged) continue;
      if (batch.isClosed) break;
      this.#handOver(batch, this.log.stage(batch.unstagedChunk()));
      handedOver = true;
    }
    return handedOver;
  }

  /** Starts the linger clock of the open batch, if there is one and the uplink could send it. */
  armLinger(): void {
    const open = this.#open();
    if (open === undefined || this.#linger !== undefined || !this.#host.isUplinkLive()) return;
    const waitMs = open.openedAt + this.#lingerMs - this.#host.monotonicMs();
    this.#linger = this.#host.timers.after(Math.max(0, waitMs), () => this.#onLinger());
  }

  stopTimers(): void {
    this.#linger?.();
    this.#linger = undefined;
  }

  #onLinger(): void {
    this.#linger = undefined;
    const open = this.#open();
    if (open === undefined || !this.#host.isUplinkLive()) return;
    if (this.#host.monotonicMs() - open.openedAt >= this.#lingerMs) this.#close(open);
    else this.armLinger();
  }

  get #lingerMs(): number {
    return lingerFor(this.#options.lingerMs, this.#sinceBatchBeforeMs, this.#host.isUplinkCongested());
  }

  #open(): GrowingBatch | undefined {
    const last = this.#batches.at(-1);
    return last === undefined || last.isClosed ? undefined : last;
  }

  /** No room for so many bytes more; or a lane begins behind it, which was not closed when the process ended. */
  #isComplete({ encoder, nextOffset }: GrowingBatch, sizeBytes: number): boolean {
    return encoder.sizeBytes + sizeBytes > this.#options.batchBytes || nextOffset === this.#run().firstOffset;
  }

  #close(batch: GrowingBatch): void {
    batch.isClosed = true;
    const { encoder } = batch;
    const { compression, seal = sealOffThread } = this.#options;
    seal(encoder, {
      compression,
      effort: effortFor(encoder.sizeBytes, this.#host.monotonicMs() - batch.openedAt),
      producerId: this.#run().producerId,
      producerEpoch: 0,
      baseSequence: sequenceOf(encoder.baseOffset),
      memory: (sizeBytes) => this.#host.memory.part(sizeBytes),
    }).then(
      (bytes) => {
        batch.sealed = bytes;
        this.#host.requestTurn(batch.hasUnstaged);
      },
      (error: unknown) => this.#host.failed(error),
    );
  }

  #seal(batch: GrowingBatch): void {
    const bytes = batch.sealed!;
    const result = this.log.seal(bytes, readBatchHeader(bytes));
    if (!result.ok) {
      throw new EdgelogError(
        'STORE_FAILED',
        `stream ${this.topic}: the log refused a seal: ${result.message}`,
      );
    }
    assert(result.lastOffset + 1 === batch.nextOffset, `stream ${this.topic}: a seal moved offsets`);
    this.#handOver(batch, result.flushed);
    this.#host.memory.give(batch.encoder.memory);
    result.flushed.then(
      () => {
        this.#host.memory.give(bytes);
        this.#host.sealed();
      },
      () => {},
    );
  }

  #handOver(batch: GrowingBatch, flushed: Promise<void>): void {
    const unstaged = batch.takeUnstaged();
    if (unstaged === undefined) return;
    const endOffset = batch.nextOffset;
    const { bytes, durable, since } = unstaged;
    for (const run of unstaged.alongside) run();
    flushed.then(
      () => {
        this.#durableEndOffset = Math.max(this.#durableEndOffset, endOffset);
        const now = this.#host.monotonicMs();
        durable.resolve(now);
        this.#host.durable(bytes, now - since);
      },
      (error: unknown) => {
        durable.reject(error);
        this.#host.failed(error);
      },
    );
  }

  #restoreTail(): void {
    for (const chunk of this.log.tail()) {
      const content = decodeTailChunk(this.topic, chunk);
      let batch = this.#batches.at(-1);
      if (batch?.encoder.baseOffset !== content.batchBaseOffset) {
        if (batch !== undefined) this.#close(batch);
        assert(
          content.batchBaseOffset === chunk.baseOffset,
          `stream ${this.topic}: the tail begins within a batch, at offset ${chunk.baseOffset}`,
        );
        batch = new GrowingBatch(
          { baseOffset: content.batchBaseOffset, baseTimestamp: content.batchBaseTimestamp },
          this.#host.monotonicMs(),
        );
        this.#batches.push(batch);
      }
      batch.restore(content, chunk.recordCount);
      this.#clockFloor = content.maxTimestamp;
    }
  }

  /** Greatest time of the newest batch that is sealed. */
  #newestSealed(): number | undefined {
    const { logStartOffset, flushedEndOffset } = this.log;
    if (flushedEndOffset <= logStartOffset) return undefined;
    try {
      return this.log.batchEndingAt(flushedEndOffset - 1)?.maxTimestamp;
    } catch (error) {
      if (error instanceof StoredDamageError) return undefined;
      throw error;
    }
  }
}
