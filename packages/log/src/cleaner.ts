import { CopyWriter } from './copy-writer.ts';
import { valueKey } from './keys.ts';
import { freeBytes } from './lmdb-file.ts';
import type { Partition } from './partition.ts';
import type { RowWrite } from './segment.ts';
import type { SegmentFiles } from './segment-files.ts';
import { copyStoredValue } from './stored-value.ts';
import type { SegmentCleaning } from './types.ts';

/** Left to appends on a disk that is getting full. */
export const RESERVE_BYTES = 64 * 2 ** 20;

export interface CleanerHost {
  readonly segments: SegmentFiles;
  partitions(): Iterable<Partition>;
  /** True when the store is closing or has failed: no more is begun. */
  isStopping(): boolean;
  /** Commits the row, or nothing. Resolves when that and everything before it is on disk. */
  commit(row: RowWrite | undefined): Promise<void>;
}

/** What lives in a segment is decided by the batches in it: all of them, and those that can still be read. */
export type IsWorthCleaning = (batchBytes: number, liveBytes: number) => boolean;

/**
 * Copies what lives of mostly dead segments into new files, a little per turn, while the store goes on. The copy is on disk
 * under its name before the state says that it is meant, and the old file goes after that is on disk: whichever of the two
 * a crash leaves over is removed at the next open.
 */
export class Cleaner {
  readonly #host: CleanerHost;
  /** Could not be read, or not be written anew. Not tried again by this process. */
  readonly #failed = new Set<number>();

  constructor(host: CleanerHost) {
    this.#host = host;
  }

  /** One segment after the other. */
  async clean(isWorthCleaning: IsWorthCleaning): Promise<SegmentCleaning[]> {
    const done: SegmentCleaning[] = [];
    const candidates = this.#candidates(isWorthCleaning);
    if (candidates.length > 0 && !this.#host.isStopping()) await this.#host.commit(undefined); // what was sealed is whole now
    for (const { id, liveBytes } of candidates) {
      if (!this.#canBegin(id, liveBytes)) continue;
      try {
        const cleaned = await this.#cleanOne(id);
        if (cleaned !== undefined) done.push(cleaned);
      } catch (error) {
        if (this.#host.isStopping()) return done;
        this.#failed.add(id);
        done.push({ segment: id, error: error as Error });
      }
    }
    return done;
  }

  #candidates(isWorthCleaning: IsWorthCleaning): { id: number; liveBytes: number }[] {
    const live = new Map<number, number>();
    for (const partition of this.#host.partitions()) partition.countLive(live);
    const candidates: { id: number; liveBytes: number }[] = [];
    for (const [id, { references, batchBytes }] of this.#host.segments.sealed()) {
      const liveBytes = live.get(id) ?? 0;
      if (references === 0 || this.#failed.has(id)) continue;
      if (isWorthCleaning(batchBytes, liveBytes)) candidates.push({ id, liveBytes });
    }
    return candidates;
  }

  /** On a disk without room for the copy it is left to retention to make some. */
  #canBegin(id: number, liveBytes: number): boolean {
    const { segments, isStopping } = this.#host;
    if (isStopping() || !segments.has(id)) return false;
    return freeBytes(segments.pathOf(id)) >= 2 * liveBytes + RESERVE_BYTES;
  }

  /** Undefined when it was not to be: the store is closing, or nothing lived any more when the copy was made. */
  async #cleanOne(id: number): Promise<SegmentCleaning | undefined> {
    const { segments } = this.#host;
    const bytesBefore = segments.bytesOf(id);
    const copy = new CopyWriter(segments.beginCopy(id));
    let isWhole = false;
    try {
      isWhole = await this.#copyLive(id, copy);
      await copy.finish(segments);
    } catch (error) {
      await copy.abandon(segments, error);
      throw error;
    }
    if (!isWhole || this.#host.isStopping() || !segments.has(id)) {
      await copy.abandon(segments, undefined);
      return undefined;
    }
    const { row, removeOld } = segments.swap(id, copy.batchBytes);
    const bytesAfter = segments.bytesOf(id);
    await this.#host.commit(row);
    await removeOld();
    return { segment: id, bytesBefore, bytesAfter };
  }

  /** False when the store began to close meanwhile, or nothing in the segment lives any more. */
  async #copyLive(id: number, copy: CopyWriter): Promise<boolean> {
    for (const partition of [...this.#host.partitions()]) {
      const range = partition.ranges.find(({ segmentId }) => segmentId === id);
      if (range === undefined) continue;
      for (
        let at = Math.max(range.baseOffset, partition.logStartOffset);
        at < range.endOffset && partition.ranges.includes(range);
      ) {
        if (this.#host.isStopping() || !this.#host.segments.has(id)) return false;
        const { key, bytes } = copyStoredValue(this.#host.segments, range, partition, at);
        await copy.add(valueKey(partition.id, key), bytes);
        at = key.endOffset;
      }
    }
    return true;
  }
}
