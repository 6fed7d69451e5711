import type { Clock } from './clock.ts';

interface Entry {
  at: number;
  order: number;
  action: () => void;
}

/** Enough turns for every chain of promises between the parts to settle before the next event. */
const MICROTASK_TURNS = 12;
const EVENTS_MAX = 1_000_000;

/** Virtual time: events in order of their time, then of their making. Promises settle between events. */
export class Scheduler implements Clock {
  #now: number;
  #order = 0;
  readonly #heap: Entry[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, action: () => void): void {
    this.#push({ at: this.#now + Math.max(0, delayMs), order: this.#order++, action });
  }

  /** Runs what is due until `untilMs`; answers how many events that were. */
  async run(untilMs: number): Promise<number> {
    let events = 0;
    for (let first = this.#heap[0]; first !== undefined && first.at <= untilMs; first = this.#heap[0]) {
      this.#pop();
      this.#now = first.at;
      first.action();
      events++;
      if (events > EVENTS_MAX) throw new Error(`more than ${EVENTS_MAX} events before ${untilMs}: a loop`);
      for (let turn = 0; turn < MICROTASK_TURNS; turn++) await undefined;
    }
    this.#now = untilMs;
    return events;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    heap.push(entry);
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (before(heap[parent]!, heap[at]!)) break;
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
      if (left < heap.length && before(heap[left]!, heap[least]!)) least = left;
      if (right < heap.length && before(heap[right]!, heap[least]!)) least = right;
      if (least === at) return;
      swap(heap, at, least);
      at = least;
    }
  }
}

const before = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.order < b.order);

function swap(heap: Entry[], a: number, b: number): void {
  [heap[a], heap[b]] = [heap[b]!, heap[a]!];
}
