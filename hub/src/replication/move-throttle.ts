const MS = 1_000;

/**
 * Slows down what moves bring to this broker: a bucket that may be overdrawn by one response, and is fetched into again when that
 * is paid back, at the rate that holds by then. All leaders that are fetched from share it.
 */
export class MoveThrottle {
  readonly #rate: () => number;
  readonly #now: () => number;
  #owedBytes = 0;
  #paidAt: number;

  /** `rate`: bytes per second as it is set now, Infinity for no limit; `now`: monotonic, milliseconds. */
  constructor(rate: () => number, now: () => number) {
    this.#rate = rate;
    this.#now = now;
    this.#paidAt = now();
  }

  /** Whether more may be fetched now. */
  get isOpen(): boolean {
    this.#pay();
    return this.#owedBytes === 0;
  }

  spend(bytes: number): void {
    this.#pay();
    if (this.#rate() !== Number.POSITIVE_INFINITY) this.#owedBytes += bytes;
  }

  #pay(): void {
    const now = this.#now();
    const rate = this.#rate();
    const paid = rate === Number.POSITIVE_INFINITY ? this.#owedBytes : ((now - this.#paidAt) / MS) * rate;
    this.#owedBytes = Math.max(0, this.#owedBytes - paid);
    this.#paidAt = now;
  }
}
