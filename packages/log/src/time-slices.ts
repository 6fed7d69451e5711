import { setTimeout as delay } from 'node:timers/promises';

/** Long work in one go would hold up whoever waits for an acknowledgement. */
const SLICE_MS = 3;
/** A slice that became longer, because of a batch that could not be cut, is not paid for in full. */
const PAUSE_MS_MAX = 50;

/** Shares the thread: work goes on for a few milliseconds, then pauses as long as it worked, so it takes half of a processor at most. */
export class TimeSlices {
  #since = performance.now();

  get isOver(): boolean {
    return performance.now() - this.#since >= SLICE_MS;
  }

  async pause(): Promise<void> {
    await delay(Math.min(performance.now() - this.#since, PAUSE_MS_MAX));
    this.#since = performance.now();
  }
}
