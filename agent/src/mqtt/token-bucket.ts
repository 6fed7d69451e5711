/** How much may pass: `perSecond` in the long run, and as much at once as comes in a second. */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #at: number;

  /** `nowMs`: of a monotonic clock. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#at = nowMs;
  }

  /** Counts what has passed. One that is larger than all there is leaves a debt. */
  take(amount: number): void {
    this.#tokens -= amount;
  }

  /** How long to wait until more may pass, ms; 0: none. */
  waitMs(nowMs: number): number {
    const earned = ((nowMs - this.#at) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + earned);
    this.#at = nowMs;
    return this.#tokens > 0 ? 0 : Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond);
  }
}
