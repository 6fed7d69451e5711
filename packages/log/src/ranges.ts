import type { ValueKey } from './keys.ts';
import type { SegmentRange } from './rows.ts';

/** Index of the last range that begins at or before `offset`. */
export function rangeIndexOf(ranges: readonly SegmentRange[], offset: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]!.baseOffset <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Bytes of batches. Their places count within a range: between two of them compaction may have left a gap. */
export function sizeOf({ bytesBefore, bytesEnd }: Pick<SegmentRange, 'bytesBefore' | 'bytesEnd'>): number {
  return bytesEnd - bytesBefore;
}

/** What the range holds of a stored value: where the log was truncated within the value, the range ends there. */
export function keyWithin(range: SegmentRange, key: ValueKey): ValueKey {
  return key.endOffset <= range.endOffset ? key : { ...key, endOffset: range.endOffset };
}

/** The batches of it, likewise. */
export function bytesWithin(range: SegmentRange, key: ValueKey, bytes: Buffer): Buffer {
  return key.endOffset <= range.endOffset ? bytes : bytes.subarray(0, range.bytesEnd - key.bytesBefore);
}
