import { DueQueue } from '@edgelog/base';
import type { SinkTimers } from '../sink-types.ts';

interface Entry {
  readonly run: () => void;
  isOver: boolean;
}

/** A clock that stands still while anything is computed, and jumps to the next thing that is due. Milliseconds. */
export class VirtualTime implements SinkTimers {
  #now: number;
  readonly #due = new DueQueue<Entry>();

  constructor(now = 0) {
    this.#now = now;
  }

  get now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const entry = { run, isOver: false };
    this.#due.push(this.#now + Math.ceil(Math.max(0, ms)), entry);
    return () => {
      entry.isOver = true;
    };
  }

  /** Goes on until `isDone`, or nothing is due before `until`. */
  async run(until: number, isDone: () => boolean = () => false): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isDone()) return;
      while (this.#due.first?.item.isOver) this.#due.pop();
      const next = this.#due.first;
      if (next === undefined || next.at > until) break;
      this.#due.pop();
      this.#now = next.at;
      next.item.isOver = true;
      next.item.run();
    }
    this.#now = until;
  }
}
