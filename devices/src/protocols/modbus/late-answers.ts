import type { PolledDevice } from '../poll-schedule.ts';

interface Owed {
  count: number;
  /** When the first of the requests was sent, and when the last was given up, or something came that may be an answer to one. */
  sinceMs: number;
  lastMs: number;
}

/**
 * Answers that may yet come to requests that were given up. A frame of Modbus RTU does not say which request it answers: one
 * that comes after the next request of the same size was sent would be taken for its answer, and be a wrong value.
 */
export class LateAnswers {
  readonly #timeoutMs: number;
  /** What comes later than this is not reckoned with. */
  readonly #lateMs: number;
  readonly #owed = new Map<PolledDevice, Owed>();

  constructor(timeoutMs: number, retries: number) {
    this.#timeoutMs = timeoutMs;
    this.#lateMs = 2 * (retries + 1) * timeoutMs;
  }

  reset(): void {
    this.#owed.clear();
  }

  /** A request sent at `sentMs` was given up. */
  expect(device: PolledDevice, sentMs: number, nowMs: number): void {
    const owed = this.#owed.get(device) ?? { count: 0, sinceMs: sentMs, lastMs: nowMs };
    this.#owed.set(device, { ...owed, count: owed.count + 1, lastMs: nowMs });
  }

  /** One of them came. */
  came(device: PolledDevice, nowMs: number): void {
    const owed = this.#owed.get(device);
    if (owed === undefined || owed.count === 1) this.#owed.delete(device);
    else this.#owed.set(device, { ...owed, count: owed.count - 1, lastMs: nowMs });
  }

  /** Bytes came that nobody asked for: one of them perhaps, and so not the last. */
  stray(nowMs: number): void {
    for (const [device, owed] of this.#owed) this.#owed.set(device, { ...owed, lastMs: nowMs });
  }

  forget(device: PolledDevice): void {
    this.#owed.delete(device);
  }

  /**
   * How long to wait for the next of them, once the slave answered: it may take as long as this answer did since the first
   * request, as a slave may work off one request after the other. 0 where none is owed.
   */
  waitMs(device: PolledDevice, nowMs: number): number {
    const owed = this.#owed.get(device);
    if (owed === undefined) return 0;
    if (nowMs - owed.lastMs > this.#lateMs) {
      this.#owed.delete(device);
      return 0;
    }
    return Math.min(nowMs - owed.sinceMs, this.#lateMs) + this.#timeoutMs;
  }
}
