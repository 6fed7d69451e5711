/** So many seconds' worth may be sent at once after a pause. */
const BURST_SECONDS = 0.5;
/** No timer for less. */
const LEAST_WAIT_MS = 10;

/**
 * A cap on bytes per second. What cannot be cut goes whole, once anything may, and is paid back by what waits after it; so over
 * any time no more is sent than the cap allows, but for the burst and one such piece.
 */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(bytesPerSecond: number, now: number) {
    this.#perMs = bytesPerSecond / 1000;
    this.#burst = bytesPerSecond * BURST_SECONDS;
    this.#tokens = this.#burst;
    this.#at = now;
  }

  /** Bytes that may be sent now, or at least begun; 0 where none may. */
  available(now: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, now - this.#at) * this.#perMs);
    this.#at = now;
    return this.#tokens <= 0 ? 0 : Math.max(1, Math.floor(this.#tokens));
  }

  take(bytes: number): void {
    this.#tokens -= bytes;
  }

  /** How long until something may be sent. */
  get waitMs(): number {
    return this.#tokens > 0 ? 0 : Math.max(LEAST_WAIT_MS, Math.ceil(-this.#tokens / this.#perMs) + 1);
  }
}
