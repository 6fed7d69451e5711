import { assert, EdgelogError } from '@edgelog/base';
import type { ValueKey } from './keys.ts';
import type { Partition } from './partition.ts';
import { bytesWithin, keyWithin } from './ranges.ts';
import type { SegmentRange } from './rows.ts';
import type { SegmentFiles } from './segment-files.ts';

export interface StoredValue {
  readonly key: ValueKey;
  /** Its batches, as they are stored: not checked. */
  readonly bytes: Buffer;
}

/** A copy of what the range has of the value that holds the offset, which must be flushed, in new memory or in what `allocate` gives. Throws CORRUPT_BATCH. */
export function copyStoredValue(
  segments: SegmentFiles,
  range: SegmentRange,
  { id, name }: Partition,
  offset: number,
  allocate: (bytes: number) => Buffer = Buffer.allocUnsafeSlow,
): StoredValue {
  try {
    const segment = segments.reader(range.segmentId);
    const key = segment.floor(id, offset);
    assert(key !== undefined && key.endOffset > offset, 'a stored value holds the offset');
    const scratch = bytesWithin(range, key, segment.valueScratch(id, key));
    const bytes = allocate(scratch.length);
    scratch.copy(bytes);
    return { key: keyWithin(range, key), bytes };
  } catch (cause) {
    throw new EdgelogError('CORRUPT_BATCH', `${name} at offset ${offset} cannot be read`, { cause });
  }
}
