const MS = 1_000;

/**
 * Slows down what moves bring to this broker: a bucket that may be overdrawn by one response, and is fetched into again when it has
 * filled up. All leaders that are fetched from share it.
 */
export class MoveThrottle {
  readonly #rate: () => number;
  readonly #now: () => number;
  #paidUntil = Number.NEGATIVE_INFINITY;

  /** `rate`: bytes per second as it is set now, Infinity for no limit; `now`: monotonic, milliseconds. */
  constructor(rate: () => number, now: () => number) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Whether more may be fetched now. */
  get isOpen(): boolean {
    return this.#rate() === Number.POSITIVE_INFINITY || this.#now() >= this.#paidUntil;
  }

  spend(bytes: number): void {
    const rate = this.#rate();
    if (rate === Number.POSITIVE_INFINITY) return;
    this.#paidUntil = Math.max(this.#paidUntil, this.#now()) + (bytes / rate) * MS;
  }
}
