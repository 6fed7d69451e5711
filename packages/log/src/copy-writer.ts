import { EdgelogError } from '@edgelog/base';
import { headerKey } from './keys.ts';
import { encodeHeader, FORMAT } from './rows.ts';
import type { RowWrite } from './segment.ts';
import type { SegmentCopy, SegmentFiles } from './segment-files.ts';

/** What is written in one turn, and then flushed. */
const CHUNK_BYTES = 2 ** 20;

/** Fills a new segment file with stored values, in chunks. */
export class CopyWriter {
  readonly #copy: SegmentCopy;
  #chunk: RowWrite[] = [];
  #chunkBytes = 0;
  #batchBytes = 0;
  #isClosed = false;

  constructor(copy: SegmentCopy) {
    this.#copy = copy;
  }

  get segmentId(): number {
    return this.#copy.segment.id;
  }

  /** Bytes of batches given to it. */
  get batchBytes(): number {
    return this.#batchBytes;
  }

  async add(key: Buffer, value: Buffer): Promise<void> {
    this.#chunk.push([key, value]);
    this.#chunkBytes += value.length;
    this.#batchBytes += value.length;
    if (this.#chunkBytes < CHUNK_BYTES) return;
    const chunk = this.#chunk;
    this.#chunk = [];
    this.#chunkBytes = 0;
    await this.#copy.segment.write(chunk);
  }

  /** The file is whole, on disk and has its name when this resolves. */
  async finish(segments: SegmentFiles): Promise<void> {
    const header = encodeHeader({ format: FORMAT, segmentId: this.segmentId, nextPartitionId: 0 });
    await this.#copy.segment.write([...this.#chunk, [headerKey(), header]]);
    this.#isClosed = true;
    await segments.finishCopy(this.#copy);
  }

  /** Removes the file. After a failed write it stays open: LMDB may not answer any more. */
  async abandon(segments: SegmentFiles, error: unknown): Promise<void> {
    const canClose = error === undefined || error instanceof EdgelogError;
    if (canClose && !this.#isClosed) await this.#copy.segment.close();
    await segments.abandonCopy(this.#copy);
  }
}
