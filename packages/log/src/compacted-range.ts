import { type BatchHeader, emptyBatch } from '@edgelog/wire';
import type { CopyWriter } from './copy-writer.ts';
import { VALUE_BYTES_MAX } from './join-arena.ts';
import { valueKey } from './keys.ts';
import type { SegmentRange } from './rows.ts';

/** What one empty batch can cover. */
const HOLE_MAX = 2 ** 31;

/**
 * Writes what compaction leaves of consecutive offsets of a partition into a compacted segment. Where batches went there is an
 * empty one, as Kafka's own cleaner leaves some, so offsets stay dense and every byte stays under a check (value-walk.ts).
 */
export class CompactedRange {
  readonly #partitionId: number;
  readonly #copy: CopyWriter;
  readonly #range: SegmentRange;
  /** Everything below has its place, in `#value` or one before it. */
  #placedTo: number;
  #value = Buffer.allocUnsafeSlow(0);
  #valueBytes = 0;
  /** Where the first batch of the value begins, and the epoch of all. */
  #valueBase: number;
  #leaderEpoch = -1;

  constructor(copy: CopyWriter, partitionId: number, baseOffset: number) {
    this.#copy = copy;
    this.#partitionId = partitionId;
    this.#placedTo = baseOffset;
    this.#valueBase = baseOffset;
    this.#range = {
      segmentId: copy.segmentId,
      baseOffset,
      endOffset: baseOffset,
      bytesBefore: 0,
      bytesEnd: 0,
      maxTimestamp: -1,
      maxAppendTime: 0,
    };
  }

  /** What comes from here on was appended by then. */
  appendedBy(time: number): void {
    this.#range.maxAppendTime = Math.max(this.#range.maxAppendTime, time);
  }

  /** The next batch that stays, which is copied; offsets between the one before and this one are a hole. */
  async add(
    batch: Buffer,
    { baseOffset, lastOffset, partitionLeaderEpoch, maxTimestamp }: BatchHeader,
  ): Promise<void> {
    const isTooMuch = this.#valueBytes + batch.length > VALUE_BYTES_MAX;
    if (isTooMuch || partitionLeaderEpoch !== this.#leaderEpoch) await this.#endValue();
    this.#leaderEpoch = partitionLeaderEpoch;
    this.#fillTo(baseOffset);
    this.#place(batch, lastOffset + 1);
    this.#range.maxTimestamp = Math.max(this.#range.maxTimestamp, maxTimestamp);
  }

  /** Bytes that cannot be read, as they are: a value of their own, so that they stay the only ones. */
  async addDamaged(bytes: Buffer, baseOffset: number, endOffset: number, leaderEpoch: number): Promise<void> {
    await this.endAt(baseOffset);
    this.#leaderEpoch = leaderEpoch;
    this.#place(bytes, endOffset);
    await this.#endValue();
  }

  /** The range, which ends here; what was not placed is a hole. */
  async endAt(endOffset: number): Promise<SegmentRange> {
    this.#fillTo(endOffset);
    await this.#endValue();
    return this.#range;
  }

  #fillTo(offset: number): void {
    while (this.#placedTo < offset) {
      const end = Math.min(offset, this.#placedTo + HOLE_MAX);
      this.#place(emptyBatch(this.#placedTo, end, this.#leaderEpoch), end);
    }
  }

  #place(bytes: Buffer, endOffset: number): void {
    const end = this.#valueBytes + bytes.length;
    if (end > this.#value.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#value.length));
      this.#value.copy(larger, 0, 0, this.#valueBytes);
      this.#value = larger;
    }
    bytes.copy(this.#value, this.#valueBytes);
    this.#valueBytes = end;
    this.#placedTo = endOffset;
  }

  async #endValue(): Promise<void> {
    if (this.#valueBytes === 0) return;
    const range = this.#range;
    const key = valueKey(this.#partitionId, {
      baseOffset: this.#valueBase,
      endOffset: this.#placedTo,
      bytesBefore: range.bytesEnd,
      maxTimestamp: range.maxTimestamp,
      maxAppendTime: range.maxAppendTime,
      leaderEpoch: this.#leaderEpoch,
    });
    const value = Buffer.from(this.#value.subarray(0, this.#valueBytes));
    range.endOffset = this.#placedTo;
    range.bytesEnd += value.length;
    this.#valueBase = this.#placedTo;
    this.#valueBytes = 0;
    await this.#copy.add(key, value);
  }
}
