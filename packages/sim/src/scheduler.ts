import { DueQueue } from '@edgelog/base';
import type { Clock } from './clock.ts';

/** Enough turns for every chain of promises between the parts to settle before the next event. */
const MICROTASK_TURNS = 12;
const EVENTS_MAX = 1_000_000;

/** Virtual time: events in order of their time, then of their making. Promises settle between events. */
export class Scheduler implements Clock {
  #now: number;
  readonly #due = new DueQueue<() => void>();

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, action: () => void): void {
    this.#due.push(this.#now + Math.max(0, delayMs), action);
  }

  /** Runs what is due until `untilMs`; answers how many events that were. */
  async run(untilMs: number): Promise<number> {
    let events = 0;
    for (let { first } = this.#due; first !== undefined && first.at <= untilMs; first = this.#due.first) {
      this.#due.pop();
      this.#now = first.at;
      first.item();
      events++;
      if (events > EVENTS_MAX) throw new Error(`more than ${EVENTS_MAX} events before ${untilMs}: a loop`);
      for (let turn = 0; turn < MICROTASK_TURNS; turn++) await undefined;
    }
    this.#now = untilMs;
    return events;
  }
}
