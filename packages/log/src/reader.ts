import { EdgelogError } from '@edgelog/base';
import { type BatchHeader, iterateRecords, readBatchHeader } from '@edgelog/wire';
import type { ValueKey } from './keys.ts';
import type { SegmentRange } from './rows.ts';
import type { Segment } from './segment.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { ReadOptions, ReadResult, TimeLookup } from './types.ts';

/** What the reader must know of the partition it reads. */
export interface ReadablePartition {
  readonly id: number;
  readonly name: string;
  readonly logStartOffset: number;
  readonly highWatermark: number;
  /** Ascending, contiguous. */
  readonly ranges: readonly SegmentRange[];
}

/** A look-up by time decompresses no more than this on the main thread; usual batches are a hundredth of it. */
const LOOKUP_BYTES_MAX = 32 * 2 ** 20;

/** Where a stored value is. */
interface Found {
  segment: Segment;
  key: ValueKey;
}

/** Reads what is flushed of one partition, across segments. Every batch is copied once, out of the scratch buffer. */
export class PartitionReader {
  readonly #partition: ReadablePartition;
  readonly #segments: SegmentFiles;

  constructor(partition: ReadablePartition, segments: SegmentFiles) {
    this.#partition = partition;
    this.#segments = segments;
  }

  read(offset: number, { maxBytes, atLeastOne = true, endOffset }: ReadOptions): ReadResult {
    const end = Math.min(endOffset ?? Number.MAX_SAFE_INTEGER, this.#partition.highWatermark);
    const result: ReadResult = { batches: [], sizeBytes: 0 };
    let at = offset;
    try {
      while (at < end && (at === offset || result.sizeBytes < maxBytes)) {
        const found = this.#find(at);
        const taken = this.#take(found, at, end, maxBytes - result.sizeBytes, atLeastOne && at === offset);
        result.batches.push(...taken.batches);
        result.sizeBytes += taken.sizeBytes;
        if (!taken.wholeValue) break;
        at = found.key.endOffset;
      }
    } catch (error) {
      if (result.sizeBytes === 0) throw error; // what lies before the damage is served
    }
    return result;
  }

  /** The first record at or after `timestamp` below the high watermark. */
  offsetForTimestamp(timestamp: number): TimeLookup | undefined {
    const { ranges, logStartOffset, highWatermark } = this.#partition;
    for (const range of ranges) {
      if (range.maxTimestamp < timestamp) continue;
      const from = Math.max(range.baseOffset, logStartOffset);
      const to = Math.min(range.endOffset, highWatermark);
      const hit = this.#firstInRange(timestamp, from, to);
      if (hit !== undefined) return hit;
    }
    return undefined;
  }

  batchEndingAt(lastOffset: number): BatchHeader | undefined {
    const found = this.#find(lastOffset);
    for (const { header } of this.#batches(found, this.#scratch(found))) {
      if (header.lastOffset >= lastOffset) return header.lastOffset === lastOffset ? header : undefined;
    }
    return undefined;
  }

  /** The stored value that holds `offset`, which must be flushed. */
  valueAt(offset: number): ValueKey {
    return this.#find(offset).key;
  }

  /**
   * Whole batches of one value: from the one that holds `from`, below `end`, up to `maxBytes`, or one if `atLeastOne`.
   * They share one fresh buffer.
   */
  #take(found: Found, from: number, end: number, maxBytes: number, atLeastOne: boolean) {
    const scratch = this.#scratch(found);
    const sizes: number[] = [];
    let start = 0;
    let sizeBytes = 0;
    let wholeValue = true;
    try {
      for (const { at, header } of this.#batches(found, scratch)) {
        if (header.lastOffset < from) continue;
        const fits = sizeBytes + header.sizeBytes <= maxBytes || (atLeastOne && sizeBytes === 0);
        if (header.lastOffset >= end || !fits) {
          wholeValue = false;
          break;
        }
        if (sizes.length === 0) start = at;
        sizes.push(header.sizeBytes);
        sizeBytes += header.sizeBytes;
      }
    } catch (error) {
      if (sizeBytes === 0) throw error;
      wholeValue = false;
    }
    const copy = Buffer.allocUnsafeSlow(sizeBytes);
    scratch.copy(copy, 0, start, start + sizeBytes);
    let at = 0;
    const batches = sizes.map((size) => {
      at += size;
      return copy.subarray(at - size, at);
    });
    return { batches, sizeBytes, wholeValue };
  }

  /** Values carry a running maximum of timestamps, so the first one that reaches `timestamp` is found by halving. */
  #firstInRange(timestamp: number, from: number, to: number): TimeLookup | undefined {
    let low = from;
    let high = to;
    while (low < high) {
      const { key } = this.#find(Math.floor((low + high) / 2));
      if (key.maxTimestamp >= timestamp) high = key.baseOffset;
      else low = key.endOffset;
    }
    for (let at = Math.max(low, from); at < to; ) {
      const found = this.#find(at);
      const hit = this.#firstInValue(found, timestamp, at);
      if (hit !== undefined) return hit;
      at = found.key.endOffset;
    }
    return undefined;
  }

  #firstInValue(found: Found, timestamp: number, from: number): TimeLookup | undefined {
    const scratch = this.#scratch(found);
    for (const { at, header } of this.#batches(found, scratch)) {
      if (header.lastOffset < from || header.maxTimestamp < timestamp) continue;
      if (header.lastOffset >= this.#partition.highWatermark) return undefined;
      const hit = firstInBatch(scratch.subarray(at, at + header.sizeBytes), header, timestamp, from);
      if (hit !== undefined) return hit;
    }
    return undefined;
  }

  #find(offset: number): Found {
    const { id, ranges } = this.#partition;
    const range = ranges[rangeIndexOf(ranges, offset)];
    const found = range && this.#open(range.segmentId, offset).floor(id, offset);
    if (range === undefined || found === undefined || found.endOffset <= offset) {
      throw this.#corrupt(offset, 'no stored value holds it');
    }
    return { segment: this.#segments.reader(range.segmentId), key: found };
  }

  #open(segmentId: number, offset: number): Segment {
    try {
      return this.#segments.reader(segmentId);
    } catch (error) {
      throw this.#corrupt(
        offset,
        `segment ${segmentId} cannot be opened: ${(error as Error).message}`,
        error,
      );
    }
  }

  #scratch({ segment, key }: Found): Buffer {
    try {
      return segment.valueScratch(this.#partition.id, key);
    } catch (error) {
      throw this.#corrupt(key.baseOffset, (error as Error).message, error);
    }
  }

  /** The headers in a value, checked for what the log itself promises: dense offsets from the key's base to its end. */
  *#batches({ key }: Found, scratch: Buffer): Generator<{ at: number; header: BatchHeader }> {
    let offset = key.baseOffset;
    for (let at = 0; at < scratch.length; ) {
      const header = this.#header(scratch, at, offset);
      yield { at, header };
      at += header.sizeBytes;
      offset = header.lastOffset + 1;
    }
    if (offset !== key.endOffset) throw this.#corrupt(offset, `its value should end at ${key.endOffset}`);
  }

  #header(scratch: Buffer, at: number, offset: number): BatchHeader {
    let header: BatchHeader;
    try {
      header = readBatchHeader(scratch, at);
    } catch (error) {
      throw this.#corrupt(offset, (error as Error).message, error);
    }
    if (header.baseOffset !== offset) throw this.#corrupt(offset, `the batch says ${header.baseOffset}`);
    return header;
  }

  #corrupt(offset: number, what: string, cause?: unknown): EdgelogError {
    return new EdgelogError('CORRUPT_BATCH', `${this.#partition.name} at offset ${offset}: ${what}`, {
      cause,
    });
  }
}

/**
 * The first record at or after `timestamp` and `from` of a batch whose header says that it reaches `timestamp`. Batches
 * are stored without a look at their records: where those lie, or cannot be read, the batch is the answer itself. So one
 * bad batch neither fails the look-ups of a partition nor sends each of them through the rest of the segment.
 */
function firstInBatch(
  batch: Buffer,
  header: BatchHeader,
  timestamp: number,
  from: number,
): TimeLookup | undefined {
  try {
    for (const record of iterateRecords(batch, LOOKUP_BYTES_MAX)) {
      if (record.offset >= from && record.timestamp >= timestamp) {
        return { offset: record.offset, timestamp: record.timestamp };
      }
    }
  } catch (error) {
    if (!(error instanceof EdgelogError)) throw error;
    return { offset: Math.max(from, header.baseOffset), timestamp: header.maxTimestamp };
  }
  const isSeenWhole = from <= header.baseOffset;
  return isSeenWhole ? { offset: header.baseOffset, timestamp: header.maxTimestamp } : undefined;
}

/** Index of the last range that begins at or before `offset`. */
function rangeIndexOf(ranges: readonly SegmentRange[], offset: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]!.baseOffset <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
