export interface TokenBucketOptions {
  /** So many seconds' worth may pass at once after a pause. Default 1. */
  burstSeconds?: number;
  /** No wait is shorter than this, ms. Default 0. */
  leastWaitMs?: number;
}

/**
 * A bound on how much passes a second. What cannot be cut goes whole, once anything may, and is paid back by what waits after it; so
 * over any time no more passes than the rate allows, but for the burst and one such piece. Times are a monotonic clock's, ms.
 */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #leastWaitMs: number;
  #tokens: number;
  #at: number;

  constructor(
    perSecond: number,
    nowMs: number,
    { burstSeconds = 1, leastWaitMs = 0 }: TokenBucketOptions = {},
  ) {
    this.#perMs = perSecond / 1000;
    this.#burst = perSecond * burstSeconds;
    this.#leastWaitMs = leastWaitMs;
    this.#tokens = this.#burst;
    this.#at = nowMs;
  }

  /** How much may pass now, or at least begin; 0 where nothing may. */
  available(nowMs: number): number {
    this.#earn(nowMs);
    return this.#tokens <= 0 ? 0 : Math.max(1, Math.floor(this.#tokens));
  }

  /** Counts what has passed. One that is larger than all there is leaves a debt. */
  take(amount: number): void {
    this.#tokens -= amount;
  }

  /** How long to wait until something may pass, ms; 0: none. */
  waitMs(nowMs: number): number {
    this.#earn(nowMs);
    if (this.#tokens > 0) return 0;
    return Math.max(this.#leastWaitMs, Math.ceil((1 - this.#tokens) / this.#perMs));
  }

  #earn(nowMs: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, nowMs - this.#at) * this.#perMs);
    this.#at = nowMs;
  }
}
