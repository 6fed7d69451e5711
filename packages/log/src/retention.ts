import type { ValueBounds } from './keys.ts';
import { sizeOf } from './ranges.ts';
import type { SegmentRange } from './rows.ts';
import type { Expiry, RetentionPolicy } from './types.ts';

/** What the decision must know of a partition. */
export interface RetainedLog {
  readonly logStartOffset: number;
  readonly flushedEndOffset: number;
  /** Ascending, contiguous; the last one may reach past what is flushed. */
  readonly ranges: readonly SegmentRange[];
  /** The stored value that holds an offset between log start and high watermark, or the hole where it cannot be read. */
  valueAt(offset: number): ValueBounds;
}

/**
 * Which part of the log the policy keeps no longer (DESIGN section 4: by append time, never by record time, or a backlog
 * from last month would be deleted on arrival). Whole segments are judged by their ranges; only in the first one that is
 * kept in part are values looked for, by halving. So it costs nothing to speak of where nothing has expired.
 */
export function expiryOf(
  log: RetainedLog,
  policy: RetentionPolicy,
  now: number,
  endOffset: number,
): Expiry | undefined {
  const byTime = startByTime(log, policy.retentionMs, now);
  const bySize = startBySize(log, policy.retentionBytes);
  const logStartOffset = Math.min(Math.max(byTime, bySize), endOffset);
  if (logStartOffset <= log.logStartOffset) return undefined;
  return { logStartOffset, by: byTime >= bySize ? 'time' : 'size' };
}

function startByTime(log: RetainedLog, retentionMs: number | undefined, now: number): number {
  return retentionMs === undefined ? log.logStartOffset : appendedWithin(log, retentionMs, now);
}

/** Where the records begin that were appended no longer ago than this, to a stored value. */
export function appendedWithin(log: RetainedLog, ageMs: number, now: number): number {
  const isYoung = ({ maxAppendTime }: { maxAppendTime: number }) => now - maxAppendTime <= ageMs;
  const range = log.ranges.find(isYoung);
  return range === undefined ? log.flushedEndOffset : firstValue(log, range, isYoung);
}

/** The last value that can begin the log such that at least `retentionBytes` follow. */
function startBySize(log: RetainedLog, retentionBytes: number | undefined): number {
  if (retentionBytes === undefined) return log.logStartOffset;
  if (retentionBytes === 0) return log.flushedEndOffset;
  let kept = 0;
  const range = log.ranges.findLast((one) => {
    kept += sizeOf(one);
    return kept >= retentionBytes;
  });
  if (range === undefined) return log.logStartOffset;
  const spare = range.bytesBefore + kept - retentionBytes;
  const after = firstValue(log, range, ({ bytesBefore }) => bytesBefore > spare);
  const isFirst = after <= Math.max(range.baseOffset, log.logStartOffset);
  return isFirst ? after : log.valueAt(after - 1).baseOffset;
}

/** Offset of the first value of the range for which `isKept` holds, as it does for all after it; else the range's end. */
function firstValue(log: RetainedLog, range: SegmentRange, isKept: (value: ValueBounds) => boolean): number {
  let low = Math.min(Math.max(range.baseOffset, log.logStartOffset), log.flushedEndOffset);
  let high = Math.min(range.endOffset, log.flushedEndOffset);
  if (low >= high || isKept(log.valueAt(low))) return low;
  while (low < high) {
    const value = log.valueAt(Math.floor((low + high) / 2));
    if (isKept(value)) high = value.baseOffset;
    else low = value.endOffset;
  }
  return low;
}
