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
  /** A binary heap: the next is the first. */
  readonly #heap: Entry[] = [];
  #number = 0;

  constructor(now = 0) {
    this.#now = now;
  }

  get now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const entry = { at: this.#now + Math.ceil(Math.max(0, ms)), number: this.#number++, run, isOver: false };
    this.#push(entry);
    return () => {
      entry.isOver = true;
    };
  }

  /** Goes on until `isDone`, or nothing is due before `until`. */
  async run(until: number, isDone: () => boolean = () => false): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isDone()) return;
      while (this.#heap[0]?.isOver) this.#pop();
      const next = this.#heap[0];
      if (next === undefined || next.at > until) break;
      this.#pop();
      this.#now = next.at;
      next.isOver = true;
      next.run();
    }
    this.#now = until;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    heap.push(entry);
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (isSooner(heap[parent]!, heap[at]!)) break;
      swap(heap, at, parent);
      at = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (left < heap.length && isSooner(heap[left]!, heap[least]!)) least = left;
      if (right < heap.length && isSooner(heap[right]!, heap[least]!)) least = right;
      if (least === at) return;
      swap(heap, at, least);
      at = least;
    }
  }
}

const isSooner = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.number < b.number);

function swap(heap: Entry[], a: number, b: number): void {
  [heap[a], heap[b]] = [heap[b]!, heap[a]!];
}
