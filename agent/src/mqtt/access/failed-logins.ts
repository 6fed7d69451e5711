const FREE_FAILURES = 3;
const FIRST_WAIT_MS = 1000;
const WAIT_MAX_MS = 60_000;
const FORGET_AFTER_MS = 3600_000;
const KEPT_MAX = 10_000;

interface Failures {
  count: number;
  lastMs: number;
  waitUntilMs: number;
}

/** Wrong passwords by address and user: from the fourth in a row on, the next is looked at only after 1 s, 2 s, … a minute. */
export class FailedLogins {
  readonly #monotonicMs: () => number;
  /** Oldest failure first. */
  readonly #failures = new Map<string, Failures>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  mustWait(address: string, user: string): boolean {
    const failures = this.#failures.get(keyOf(address, user));
    return failures !== undefined && this.#monotonicMs() < failures.waitUntilMs;
  }

  /** True for the first in a row, which is worth a line in the log. */
  failed(address: string, user: string): boolean {
    const key = keyOf(address, user);
    const now = this.#monotonicMs();
    const known = this.#failures.get(key);
    const count = known !== undefined && now - known.lastMs < FORGET_AFTER_MS ? known.count + 1 : 1;
    const doublings = count - FREE_FAILURES;
    const waitMs = doublings < 0 ? 0 : Math.min(WAIT_MAX_MS, FIRST_WAIT_MS * 2 ** doublings);
    this.#failures.delete(key);
    this.#failures.set(key, { count, lastMs: now, waitUntilMs: now + waitMs });
    if (this.#failures.size > KEPT_MAX) this.#failures.delete(this.#failures.keys().next().value!);
    return count === 1;
  }

  succeeded(address: string, user: string): void {
    this.#failures.delete(keyOf(address, user));
  }
}

function keyOf(address: string, user: string): string {
  return `${address} ${user}`;
}
