import type { TailChunk } from '@edgelog/log';
import { RecordsEncoder } from '@edgelog/wire';
import type { Awaited } from './commit-pace.ts';
import { type Deferred, deferred } from './deferred.ts';
import type { Reading } from './reading.ts';
import { encodeTailChunk, type TailChunkContent } from './tail-chunk.ts';

/** Readings that were appended but not yet handed to the log. */
export interface Unstaged {
  bytes: number;
  /** Of the first of them, ms of the monotonic clock. */
  since: number;
  durable: Deferred;
  /** Run in the turn whose transaction makes the readings durable. */
  alongside: (() => void)[];
}

/**
 * A batch that is not sealed yet: its encoded records, of which a prefix is staged in the log's open tail.
 * open: takes readings → closed: being compressed → sealed bytes are there, waiting for the batches before it.
 */
export class GrowingBatch {
  readonly #encoder: RecordsEncoder;
  /** When it began, ms of the monotonic clock. */
  readonly openedAt: number;
  isClosed = false;
  sealed: Buffer | undefined;
  #stagedBytes = 0;
  #stagedCount = 0;
  #unstaged: Unstaged | undefined;

  constructor(base: ConstructorParameters<typeof RecordsEncoder>[0], openedAt: number) {
    this.#encoder = new RecordsEncoder(base);
    this.openedAt = openedAt;
  }

  get encoder(): RecordsEncoder {
    return this.#encoder;
  }

  get nextOffset(): number {
    return this.#encoder.baseOffset + this.#encoder.count;
  }

  get hasUnstaged(): boolean {
    return this.#unstaged !== undefined;
  }

  get unstagedBytes(): number {
    return this.#unstaged?.bytes ?? 0;
  }

  /** Gives the bytes it took and what all readings of the turn wait for. */
  append(
    reading: Reading,
    at: { timestamp: number; monotonicMs: number },
    alongside?: () => void,
  ): { bytes: number; durable: Promise<void>; awaited: Awaited } {
    const { key, value, headers } = reading;
    const bytes = this.#encoder.append({ timestamp: at.timestamp, key, value, headers });
    this.#unstaged ??= { bytes: 0, since: at.monotonicMs, durable: deferred(), alongside: [] };
    this.#unstaged.bytes += bytes;
    if (alongside !== undefined) this.#unstaged.alongside.push(alongside);
    const { durable } = this.#unstaged;
    return { bytes, durable: durable.promise, awaited: durable };
  }

  /** What the open tail lacks, as one chunk. */
  unstagedChunk(): TailChunk {
    return {
      baseOffset: this.#encoder.baseOffset + this.#stagedCount,
      recordCount: this.#encoder.count - this.#stagedCount,
      bytes: encodeTailChunk({
        batchBaseOffset: this.#encoder.baseOffset,
        batchBaseTimestamp: this.#encoder.baseTimestamp,
        maxTimestamp: this.#encoder.maxTimestamp,
        records: this.#encoder.slice(this.#stagedBytes),
      }),
    };
  }

  /** The readings appended since the last call now belong to the log. */
  takeUnstaged(): Unstaged | undefined {
    const unstaged = this.#unstaged;
    this.#unstaged = undefined;
    this.#stagedBytes = this.#encoder.sizeBytes;
    this.#stagedCount = this.#encoder.count;
    return unstaged;
  }

  /** Takes a chunk back that was staged before the process ended. */
  restore(content: TailChunkContent, recordCount: number): void {
    this.#encoder.restore(content.records, recordCount, content.maxTimestamp);
    this.takeUnstaged();
  }
}
