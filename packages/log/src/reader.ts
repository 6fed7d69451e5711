import { assert, EdgelogError } from '@edgelog/base';
import { type BatchHeader, iterateRecords } from '@edgelog/wire';
import { StoredDamageError } from './damage.ts';
import type { ValueBounds, ValueKey } from './keys.ts';
import { bytesWithin, keyWithin, rangeIndexOf } from './ranges.ts';
import type { SegmentRange } from './rows.ts';
import type { SegmentReader } from './segment.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { ReadOptions, ReadResult, StoredDamage, TimeLookup } from './types.ts';
import { type DamagedPart, isDamagedPart, type SoundBatch, walkValue } from './value-walk.ts';

/** What the reader must know of the partition it reads. */
export interface ReadablePartition {
  readonly id: number;
  readonly name: string;
  readonly logStartOffset: number;
  readonly flushedEndOffset: number;
  /** Ascending, contiguous. */
  readonly ranges: readonly SegmentRange[];
  /** Told of what a read found damaged, again and again. */
  foundDamage(damage: StoredDamage): void;
}

/** Headers are looked for in so much of the log and no more: on the main thread, an eighth of a second. */
const HEADERS_BYTES_MAX = 64 * 2 ** 20;

/** Where a batch begins: as an offset, and in bytes of its range. */
export interface BatchStart {
  baseOffset: number;
  bytesBefore: number;
}

/** A look-up by time decompresses no more than this on the main thread; usual batches are a tenth of it. */
const LOOKUP_BYTES_MAX = 8 * 2 ** 20;

/** Where a stored value is. */
interface Found {
  segment: SegmentReader;
  range: SegmentRange;
  /** As it is stored, */
  stored: ValueKey;
  /** and what of it is in the range. */
  key: ValueKey;
}

type Damaged = Omit<DamagedPart, 'at'>;

/** What may be taken of a value: whole batches below `end`, up to `maxBytes`, or one if `atLeastOne`. */
interface TakeBounds {
  end: number;
  maxBytes: number;
  atLeastOne: boolean;
  /** Empty batches count like others: what was read begins with records already, or with whatever is there. */
  hasRecords: boolean;
  memory: (sizeBytes: number) => Buffer;
}

/** Offsets for which there is no value that can be read, with the bounds that its neighbours give. */
interface Hole {
  hole: ValueBounds;
  reason: string;
  cause?: unknown;
}

/**
 * Reads what is flushed of one partition, across segments. Every batch is checked, byte for byte, in the scratch buffer, and
 * copied once out of it. What is damaged is told to the partition and passed over, or thrown where it is what was asked for.
 */
export class PartitionReader {
  readonly #partition: ReadablePartition;
  readonly #segments: SegmentFiles;
  /** What a batch is decompressed for is asked for again: by each consumer of a group, by a dashboard. */
  #lastLookup: { asked: number; found: TimeLookup } | undefined;

  constructor(partition: ReadablePartition, segments: SegmentFiles) {
    this.#partition = partition;
    this.#segments = segments;
  }

  /** To be called when stored records go or change place: what was the first at or after a time may be gone. */
  forgetLookup(): void {
    this.#lastLookup = undefined;
  }

  /** Throws StoredDamageError where `offset` lies in damage. Begins with an empty batch only where no other follows it. */
  read(offset: number, options: ReadOptions): ReadResult {
    const { maxBytes, atLeastOne = true, endOffset, withEmpty = false } = options;
    const { memory = Buffer.allocUnsafeSlow } = options;
    const end = Math.min(endOffset ?? Number.MAX_SAFE_INTEGER, this.#partition.flushedEndOffset);
    let result: ReadResult = { batches: [], sizeBytes: 0 };
    let hasRecords = withEmpty;
    let at = offset;
    try {
      while (at < end && (!hasRecords || result.sizeBytes === 0 || result.sizeBytes < maxBytes)) {
        const found = this.#find(at);
        const left = hasRecords ? maxBytes - result.sizeBytes : maxBytes;
        const taken = this.#take(found, at, {
          end,
          maxBytes: left,
          atLeastOne: atLeastOne && (!hasRecords || result.sizeBytes === 0),
          hasRecords,
          memory,
        });
        if (!hasRecords && taken.hasRecords) result = { batches: [], sizeBytes: 0 };
        hasRecords ||= taken.hasRecords;
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

  /** Where the batch begins that holds `offset`, which must be flushed, or the damage that does. */
  batchStart(offset: number): BatchStart {
    const located = this.#locate(offset);
    const { baseOffset, bytesBefore } = 'hole' in located ? located.hole : located.key;
    if ('hole' in located) return { baseOffset, bytesBefore };
    try {
      for (const part of this.#parts(located, this.#scratch(located), offset)) {
        const first = isDamagedPart(part) ? part : part.header;
        return { baseOffset: first.baseOffset, bytesBefore: bytesBefore + part.at };
      }
    } catch (error) {
      if (!(error instanceof StoredDamageError)) throw error;
    }
    return { baseOffset, bytesBefore };
  }

  /** Headers of the batches below `endOffset`, which must be flushed, newest first; not beyond a bound of bytes. */
  *headersBelow(endOffset: number): Generator<BatchHeader> {
    const { logStartOffset } = this.#partition;
    let bytesLeft = HEADERS_BYTES_MAX;
    for (let at = endOffset; at > logStartOffset && bytesLeft > 0; ) {
      const value = this.valueAt(at - 1);
      const headers = this.#headersOf(value.baseOffset);
      bytesLeft -= headers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      for (const header of headers.reverse()) if (header.lastOffset < endOffset) yield header;
      at = value.baseOffset;
    }
  }

  /** Headers of the value that begins there; none where it cannot be read. */
  #headersOf(baseOffset: number): BatchHeader[] {
    const located = this.#locate(baseOffset);
    if ('hole' in located) return [];
    try {
      const parts = [...this.#parts(located, this.#scratch(located), baseOffset)];
      return parts.flatMap((part) => (isDamagedPart(part) ? [] : [part.header]));
    } catch (error) {
      if (!(error instanceof StoredDamageError)) throw error;
      return [];
    }
  }

  /** The first record that can be read, at or after `timestamp` and below what is flushed. */
  offsetForTimestamp(timestamp: number): TimeLookup | undefined {
    const { ranges, logStartOffset, flushedEndOffset } = this.#partition;
    const last = this.#lastLookup;
    if (last?.asked === timestamp && last.found.offset >= logStartOffset) return last.found;
    for (const range of ranges) {
      if (range.maxTimestamp < timestamp) continue;
      const from = Math.max(range.baseOffset, logStartOffset);
      const to = Math.min(range.endOffset, flushedEndOffset);
      const found = this.#firstInRange(timestamp, from, to);
      if (found === undefined) continue;
      this.#lastLookup = { asked: timestamp, found };
      return found;
    }
    return undefined;
  }

  /** Throws StoredDamageError where `lastOffset` lies in damage. */
  batchEndingAt(lastOffset: number): BatchHeader | undefined {
    const found = this.#find(lastOffset);
    for (const part of this.#parts(found, this.#scratch(found), lastOffset)) {
      if (isDamagedPart(part)) throw this.#damaged(part);
      return part.header.lastOffset === lastOffset ? part.header : undefined;
    }
    return undefined;
  }

  /**
   * The stored value that holds `offset`, which must be flushed. Where none can be read, the hole instead of it: so sizes and
   * retention do not stop at damage.
   */
  valueAt(offset: number): ValueBounds {
    const located = this.#locate(offset);
    if ('key' in located) return located.key;
    this.#damaged(partOf(located));
    return located.hole;
  }

  /**
   * Whole batches of one value: from the one that holds `from`, or the next with records. They lie back to back in one piece of `memory`.
   */
  #take(found: Found, from: number, bounds: TakeBounds) {
    const { end, maxBytes, atLeastOne, memory } = bounds;
    let { hasRecords } = bounds;
    const scratch = this.#scratch(found);
    const sizes: number[] = [];
    let start = 0;
    let sizeBytes = 0;
    let wholeValue = true;
    for (const part of this.#parts(found, scratch, from)) {
      if (isDamagedPart(part)) {
        const error = this.#damaged(part);
        if (sizeBytes === 0) throw error;
        wholeValue = false;
        break;
      }
      const { at, header } = part;
      if (!hasRecords) {
        sizes.length = 0;
        sizeBytes = 0;
      }
      const fits = sizeBytes + header.sizeBytes <= maxBytes || (atLeastOne && sizeBytes === 0);
      if (header.lastOffset >= end || !fits) {
        wholeValue = false;
        break;
      }
      if (sizes.length === 0) start = at;
      sizes.push(header.sizeBytes);
      sizeBytes += header.sizeBytes;
      hasRecords ||= header.recordCount > 0;
    }
    const copy = memory(sizeBytes);
    scratch.copy(copy, 0, start, start + sizeBytes);
    let at = 0;
    const batches = sizes.map((size) => {
      at += size;
      return copy.subarray(at - size, at);
    });
    return { batches, sizeBytes, wholeValue, hasRecords };
  }

  /** Values carry a running maximum of timestamps, so the first one that reaches `timestamp` is found by halving. */
  #firstInRange(timestamp: number, from: number, to: number): TimeLookup | undefined {
    let low = from;
    let high = to;
    while (low < high) {
      const value = this.valueAt(Math.floor((low + high) / 2));
      if (value.maxTimestamp >= timestamp) high = value.baseOffset;
      else low = value.endOffset;
    }
    for (let at = Math.max(low, from); at < to; ) {
      const located = this.#locate(at);
      if ('hole' in located) {
        this.#damaged(partOf(located));
        at = located.hole.endOffset;
        continue;
      }
      const hit = this.#firstInValue(located, timestamp, at);
      if (hit !== undefined) return hit;
      at = located.key.endOffset;
    }
    return undefined;
  }

  #firstInValue(found: Found, timestamp: number, from: number): TimeLookup | undefined {
    const scratch = this.#scratch(found);
    for (const part of this.#parts(found, scratch, from)) {
      if (isDamagedPart(part)) {
        this.#damaged(part);
        continue;
      }
      const { at, header } = part;
      if (header.maxTimestamp < timestamp) continue;
      if (header.lastOffset >= this.#partition.flushedEndOffset) return undefined;
      const hit = firstInBatch(scratch.subarray(at, at + header.sizeBytes), header, timestamp, from);
      if (hit !== undefined) return hit;
    }
    return undefined;
  }

  #find(offset: number): Found {
    const located = this.#locate(offset);
    if ('hole' in located) throw this.#damaged(partOf(located), located.cause);
    return located;
  }

  #locate(offset: number): Found | Hole {
    const { id, ranges, flushedEndOffset } = this.#partition;
    const range = ranges[rangeIndexOf(ranges, offset)];
    assert(
      range !== undefined && offset < range.endOffset,
      `a segment of ${this.#partition.name} holds ${offset}`,
    );
    let segment: SegmentReader;
    try {
      segment = this.#segments.reader(range.segmentId);
    } catch (cause) {
      const reason = `segment ${range.segmentId} cannot be opened: ${(cause as Error).message}`;
      return { hole: range, reason, cause };
    }
    const key = segment.floor(id, offset);
    if (key !== undefined && key.endOffset > offset) {
      return { segment, range, stored: key, key: keyWithin(range, key) };
    }
    const flushed = { ...range, endOffset: Math.min(range.endOffset, flushedEndOffset) };
    const hole = holeBetween(flushed, key, segment.after(id, offset));
    return { hole, reason: 'no stored value holds it' };
  }

  #scratch({ segment, range, stored, key }: Found): Buffer {
    try {
      return bytesWithin(range, stored, segment.valueScratch(this.#partition.id, stored));
    } catch (cause) {
      throw this.#damaged({ ...key, reason: (cause as Error).message }, cause);
    }
  }

  /** The batches of a value and what is damaged of it, but for damage that ends at or before `from`: that is only told. */
  *#parts({ key }: Found, scratch: Buffer, from: number): Generator<SoundBatch | DamagedPart> {
    for (const part of walkValue(scratch, key, from)) {
      if (isDamagedPart(part) && part.endOffset <= from) this.#damaged(part);
      else yield part;
    }
  }

  /** Tells the partition of it. */
  #damaged({ baseOffset, endOffset, reason }: Damaged, cause?: unknown): StoredDamageError {
    const damage = { partition: this.#partition.name, baseOffset, endOffset, reason };
    this.#partition.foundDamage(damage);
    return new StoredDamageError(damage, { cause });
  }
}

function partOf({ hole: { baseOffset, endOffset }, reason }: Hole): Damaged {
  return { baseOffset, endOffset, reason };
}

/** What is missing between two values of a range, or one of them and the range's end. */
function holeBetween(
  range: ValueBounds,
  before: ValueKey | undefined,
  after: ValueKey | undefined,
): ValueBounds {
  const { maxTimestamp, maxAppendTime } = after ?? range;
  return {
    baseOffset: Math.max(range.baseOffset, before?.endOffset ?? 0),
    endOffset: Math.min(range.endOffset, after?.baseOffset ?? range.endOffset),
    bytesBefore: Math.max(range.bytesBefore, before?.bytesBefore ?? 0),
    maxTimestamp,
    maxAppendTime,
  };
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
