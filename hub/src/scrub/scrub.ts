import { setTimeout as pause } from 'node:timers/promises';
import { assert, EdgelogError } from '@edgelog/base';
import { type PartitionLog, StoredDamageError } from '@edgelog/log';
import type { Logger } from '@edgelog/runtime';
import { readBatchHeader } from '@edgelog/wire';
import type { Topics } from '../metadata/topics.ts';

/** Read at a time; between two reads others have their turn. */
const READ_BYTES = 128 * 1024;
/** Between the beginnings of two passes at least. */
const PASS_MS_MIN = 60_000;

export interface ScrubOptions {
  topics: Topics;
  log: Logger;
  /** At most; 0 for no scrubbing. */
  bytesPerSecond: number;
  passMsMin?: number;
}

export interface ScrubStatus {
  /** Read since the start. */
  readBytes: number;
  /** Passes over everything since the start. */
  passes: number;
  /** How long the last one took, seconds; undefined before its end. */
  lastPassSeconds: number | undefined;
}

/**
 * Reads all that is stored, again and again, as slowly as it is told: what rots on the disk is found while there are other replicas
 * to have it from, not years later when somebody asks for it. What a read finds damaged the log tells of by itself (`onDamage`).
 */
export class Scrub {
  readonly #options: ScrubOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #readBytes = 0;
  #passes = 0;
  #lastPassSeconds: number | undefined;
  #memory = Buffer.alloc(0);

  constructor(options: ScrubOptions) {
    this.#options = options;
    this.#running = options.bytesPerSecond > 0 ? this.#run() : Promise.resolve();
  }

  status(): ScrubStatus {
    return { readBytes: this.#readBytes, passes: this.#passes, lastPassSeconds: this.#lastPassSeconds };
  }

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const startedAt = performance.now();
      for (const topic of [...this.#options.topics.all()]) {
        for (const { replica } of topic.partitions) {
          if (replica !== undefined) await this.#read(replica);
        }
      }
      if (signal.aborted) return;
      const tookMs = performance.now() - startedAt;
      this.#passes += 1;
      this.#lastPassSeconds = tookMs / 1000;
      await this.#wait(Math.max(0, (this.#options.passMsMin ?? PASS_MS_MIN) - tookMs));
    }
  }

  async #read(log: PartitionLog): Promise<void> {
    const { signal } = this.#stopping;
    let offset = log.logStartOffset;
    while (!signal.aborted) {
      offset = Math.max(offset, log.logStartOffset);
      if (offset >= log.flushedEndOffset) return;
      const read = this.#readAt(log, offset);
      if (read === undefined) return;
      assert(read.next > offset, `${log.name}: scrubbing stands still at ${offset}`);
      offset = read.next;
      this.#readBytes += read.bytes;
      await this.#wait((read.bytes * 1000) / this.#options.bytesPerSecond);
    }
  }

  /** Undefined where no more of this log can be read now. */
  #readAt(log: PartitionLog, offset: number): { next: number; bytes: number } | undefined {
    const memory = (bytes: number): Buffer => {
      if (this.#memory.length < bytes) this.#memory = Buffer.allocUnsafe(Math.max(bytes, 2 * READ_BYTES));
      return this.#memory.subarray(0, bytes);
    };
    try {
      const { batches, sizeBytes } = log.read(offset, { maxBytes: READ_BYTES, memory });
      const last = batches.at(-1);
      if (last === undefined) return undefined;
      const { baseOffset, lastOffsetDelta } = readBatchHeader(last);
      return { next: baseOffset + lastOffsetDelta + 1, bytes: sizeBytes };
    } catch (error) {
      if (error instanceof StoredDamageError) return { next: error.damage.endOffset, bytes: 0 };
      if (!(error instanceof EdgelogError)) throw error;
      if (error.code === 'STORE_CLOSED') return undefined; // deleted since the pass began
      const { name } = log;
      this.#options.log.warn('partition cannot be read through', { partition: name, reason: error.message });
      return undefined;
    }
  }

  #wait(ms: number): Promise<void> {
    return pause(ms, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }
}
