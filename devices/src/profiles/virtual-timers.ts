import type { LineTimers } from './decoder.ts';

/** Time that stands still until it is told to go on. */
export class VirtualTimers implements LineTimers {
  #nowMs = 0;
  #pending: { readonly atMs: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, run };
    this.#pending.push(timer);
    return () => {
      this.#pending = this.#pending.filter((one) => one !== timer);
    };
  }

  /** Runs what is due up to then, in order. */
  advanceTo(ms: number): void {
    for (;;) {
      const due = this.#pending.filter((timer) => timer.atMs <= ms);
      const next = due.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#pending = this.#pending.filter((one) => one !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
    this.#nowMs = Math.max(this.#nowMs, ms);
  }
}
