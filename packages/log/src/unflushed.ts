import type { BatchHeader } from '@edgelog/wire';
import type { ReadResult } from './types.ts';

/** A batch that was appended and is not flushed. */
export interface Unflushed {
  readonly header: BatchHeader;
  readonly batch: Buffer;
  readonly bytesBefore: number;
  readonly appendTime: number;
}

/** Batches of one partition in a commit that is on its way to the disk. */
interface InFlight {
  count: number;
  endOffset: number;
}

/** The batches of one partition that were appended and are not flushed, in order: first those in a commit already, then the others. */
export class UnflushedBatches {
  /** Bytes of those that are in no commit yet. */
  uncutBytes = 0;
  readonly #batches: Unflushed[] = [];
  readonly #inFlight: InFlight[] = [];
  /** How many are in a commit. */
  #cut = 0;

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  push(batch: Unflushed): void {
    this.#batches.push(batch);
    this.uncutBytes += batch.header.sizeBytes;
  }

  /** The one that holds the offset, or the first one after it. */
  at(offset: number): Unflushed | undefined {
    return this.#batches.find(({ header }) => offset <= header.lastOffset);
  }

  /** Those whose base offset is below `endOffset`, newest first. */
  *headersBelow(endOffset: number): Generator<BatchHeader> {
    for (let i = this.#batches.length - 1; i >= 0; i--) {
      const { header } = this.#batches[i]!;
      if (header.baseOffset < endOffset) yield header;
    }
  }

  /** Takes those that are in no commit yet into the next one, which ends at `endOffset`. */
  cut(endOffset: number): Unflushed[] {
    const fresh = this.#batches.slice(this.#cut);
    if (fresh.length > 0) this.#inFlight.push({ count: fresh.length, endOffset });
    this.#cut = this.#batches.length;
    this.uncutBytes = 0;
    return fresh;
  }

  /** The oldest commit that is on its way is on disk. Returns where what is left of it ends. */
  flushed(): number {
    const { count, endOffset } = this.#inFlight.shift()!;
    this.#batches.splice(0, count);
    this.#cut -= count;
    return endOffset;
  }

  /** Drops all of them: when commits on their way are on disk, the log still ends at `endOffset`. */
  clear(endOffset: number): void {
    this.truncate(Number.NEGATIVE_INFINITY);
    for (const group of this.#inFlight) group.endOffset = endOffset;
  }

  /** Drops those from `endOffset` on, where a batch must begin: commits on their way count for what is left of them. */
  truncate(endOffset: number): void {
    const kept = this.#batches.findLastIndex(({ header }) => header.baseOffset < endOffset) + 1;
    for (const { header } of this.#batches.slice(Math.max(kept, this.#cut)))
      this.uncutBytes -= header.sizeBytes;
    this.#batches.length = kept;
    this.#cut = Math.min(this.#cut, kept);
    let before = 0;
    for (const group of this.#inFlight) {
      group.count = Math.min(group.count, kept - before);
      group.endOffset = Math.min(group.endOffset, endOffset);
      before += group.count;
    }
  }

  /** Adds copies of the batches from `from` on to what was read, as long as they fit. */
  readOn(result: ReadResult, from: number, bounds: UnflushedBounds): void {
    const { endOffset, maxBytes, atLeastOne, memory } = bounds;
    for (const { header, batch } of this.#batches) {
      if (header.lastOffset < from) continue;
      const isFirst = atLeastOne && result.sizeBytes === 0;
      if (header.lastOffset >= endOffset || (!isFirst && result.sizeBytes + batch.length > maxBytes)) return;
      const copy = memory(batch.length);
      batch.copy(copy);
      result.batches.push(copy);
      result.sizeBytes += batch.length;
    }
  }
}

export interface UnflushedBounds {
  endOffset: number;
  maxBytes: number;
  /** The first batch is read even where it is larger than `maxBytes`. */
  atLeastOne: boolean;
  memory: (sizeBytes: number) => Buffer;
}
