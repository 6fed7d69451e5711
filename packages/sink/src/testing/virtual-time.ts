import type { SinkTimers } from '../sink-types.ts';

interface Entry {
  readonly at: number;
  readonly number: number;
  readonly run: () => void;
  isOver: boolean;
}

/** A clock that stands still while anything is computed, and jumps to the next thing that is due. Milliseconds. */
export class VirtualTime implements SinkTimers {
  #now: number;
  #entries: Entry[] = [];
  #number = 0;

  constructor(now = 0) {
    this.#now = now;
  }

  get now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const entry = { at: this.#now + Math.ceil(Math.max(0, ms)), number: this.#number++, run, isOver: false };
    this.#entries.push(entry);
    return () => {
      entry.isOver = true;
    };
  }

  /** Goes on until `isDone`, or nothing is due before `until`. */
  async run(until: number, isDone: () => boolean = () => false): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isDone()) return;
      this.#entries = this.#entries.filter(({ isOver }) => !isOver);
      let next: Entry | undefined;
      for (const entry of this.#entries) {
        const isSooner =
          next === undefined || entry.at < next.at || (entry.at === next.at && entry.number < next.number);
        if (isSooner) next = entry;
      }
      if (next === undefined || next.at > until) break;
      this.#now = next.at;
      next.isOver = true;
      next.run();
    }
    this.#now = until;
  }
}
