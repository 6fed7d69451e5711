import type { LogStore } from '@edgelog/log';
import { z } from 'zod';
import { putRecord, readRecord } from '../state-record.ts';

const PREFIX = 'high-watermark/';
const SAVE_MS = 5_000;

const highWatermarkRecord = z.int().min(0);

interface Watched {
  readonly name: string;
  readonly highWatermark: number;
}

/**
 * The high watermarks of this broker's logs across restarts, a few seconds old: a leader that begins with an old one only waits
 * longer for its followers before it serves what it has.
 */
export class HighWatermarks {
  readonly #store: Pick<LogStore, 'state'>;
  readonly #changed = new Set<Watched>();
  readonly #timer: NodeJS.Timeout;

  constructor(store: Pick<LogStore, 'state'>) {
    this.#store = store;
    this.#timer = setInterval(() => this.save(), SAVE_MS).unref();
  }

  of(logName: string): number {
    return readRecord(this.#store.state, PREFIX + logName, highWatermarkRecord) ?? 0;
  }

  changed(watched: Watched): void {
    this.#changed.add(watched);
  }

  /** Durable with the next commit, and so with what was done to the log in the same turn. */
  save(): void {
    for (const { name, highWatermark } of this.#changed)
      putRecord(this.#store.state, PREFIX + name, highWatermarkRecord, highWatermark);
    this.#changed.clear();
  }

  forget(watched: Watched): void {
    this.#changed.delete(watched);
    this.#store.state.delete(PREFIX + watched.name);
  }

  forgetLog(logName: string): void {
    this.#store.state.delete(PREFIX + logName);
  }

  /** Saves for the last time. */
  close(): void {
    clearInterval(this.#timer);
    this.save();
  }
}
