import { rangeKey } from './keys.ts';
import { rangeIndexOf } from './ranges.ts';
import type { BatchStart } from './reader.ts';
import { encodeRange, type SegmentRange } from './rows.ts';
import type { RowWrite } from './segment.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { Unflushed } from './unflushed.ts';

/** What the ranges of a partition need of its store. */
export interface RangesHost {
  readonly segments: SegmentFiles;
  /** A row of its own goes into the next commit. */
  put(row: RowWrite): void;
  /** The next commit begins a new segment: throws where none can be begun. */
  rollAtNextCommit(): void;
}

/** Which segments hold a partition, and the rows that say so. Of the segment that is written there is no row, and no reference is counted. */
export class PartitionRanges {
  /** Ascending, contiguous; the last one may reach past what is flushed. */
  readonly list: SegmentRange[];
  readonly #host: RangesHost;
  readonly #partitionId: () => number;

  constructor(list: SegmentRange[], host: RangesHost, partitionId: () => number) {
    this.list = list;
    this.#host = host;
    this.#partitionId = partitionId;
  }

  /** The range of the segment that is written, to be extended by the batch and what follows it. */
  activeFor({ header, bytesBefore }: Unflushed): SegmentRange {
    const last = this.list.at(-1);
    if (last !== undefined && this.#isActive(last)) return last;
    const range: SegmentRange = {
      segmentId: this.#host.segments.active.id,
      baseOffset: header.baseOffset,
      endOffset: header.baseOffset,
      bytesBefore,
      bytesEnd: bytesBefore,
      maxTimestamp: -1,
      maxAppendTime: 0,
    };
    this.list.push(range);
    return range;
  }

  /** Lets go of older segments that hold nothing above the log start. */
  dropBelow(logStartOffset: number): void {
    for (;;) {
      const oldest = this.list[0];
      if (oldest === undefined || oldest.endOffset > logStartOffset || this.#isActive(oldest)) return;
      this.list.shift();
      this.#release(oldest);
    }
  }

  /**
   * Ends where a batch begins. The values that lie beyond stay where they are and are not meant any more, which a value in the segment that
   * is written cannot: so that one is written no more. Throws, and changes nothing, where no other can be begun.
   */
  cut({ baseOffset, bytesBefore }: BatchStart): void {
    const newest = this.list.at(-1);
    if (newest === undefined || newest.endOffset <= baseOffset) return;
    if (this.#isActive(newest)) this.#host.rollAtNextCommit();
    const kept = this.list.findLastIndex((range) => range.baseOffset < baseOffset) + 1;
    for (const range of this.list.splice(kept)) this.#release(range);
    const last = this.list.at(-1);
    if (last === undefined || last.endOffset <= baseOffset) return;
    last.endOffset = baseOffset;
    last.bytesEnd = bytesBefore;
    if (!this.#isActive(last)) this.#host.put(this.#row(last));
  }

  /**
   * Puts `fresh`, of a compacted segment, in the place of what lies between its ends. What is left of a range beyond begins with a value,
   * before which there are `bytesBefore`.
   */
  replace(fresh: SegmentRange, bytesBefore: (offset: number) => number): void {
    const { segments } = this.#host;
    const ranges = this.list.flatMap((range): SegmentRange[] => {
      if (range.endOffset <= fresh.baseOffset || range.baseOffset >= fresh.endOffset) return [range];
      if (range.endOffset <= fresh.endOffset) {
        this.#release(range);
        return [];
      }
      const { endOffset } = fresh;
      const rest = { ...range, baseOffset: endOffset, bytesBefore: bytesBefore(endOffset) };
      this.#host.put(this.#row(rest));
      return [rest];
    });
    ranges.splice(rangeIndexOf(ranges, fresh.baseOffset) + 1, 0, fresh);
    this.list.splice(0, this.list.length, ...ranges);
    segments.retain(fresh.segmentId);
    this.#host.put(this.#row(fresh));
  }

  clear(): void {
    for (const range of this.list.splice(0)) this.#release(range);
  }

  /** All rows, for a new segment. */
  snapshot(rows: RowWrite[]): void {
    for (const range of this.list) rows.push(this.#row(range));
  }

  /** Called at a roll: the range in the segment that was active now counts as a reference to a sealed one. */
  retainIn(segmentId: number | undefined): void {
    if (segmentId !== undefined && this.list.at(-1)?.segmentId === segmentId) {
      this.#host.segments.retain(segmentId);
    }
  }

  #isActive({ segmentId }: SegmentRange): boolean {
    return segmentId === this.#host.segments.active.id;
  }

  #release(range: SegmentRange): void {
    if (this.#isActive(range)) return;
    this.#host.segments.release(range.segmentId);
    this.#host.put([rangeKey(this.#partitionId(), range.segmentId), undefined]);
  }

  #row(range: SegmentRange): RowWrite {
    return [rangeKey(this.#partitionId(), range.segmentId), encodeRange(range)];
  }
}
