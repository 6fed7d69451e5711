import type { Logger } from '@edgelog/runtime';
import type { Removal } from './step.ts';

const WINDOW_MS = 10_000;
const LINES_PER_WINDOW = 20;

/** Tells the operator of members that were given up: one line each, and of a great many at once how many there were besides. */
export class RemovalLog {
  readonly #log: Pick<Logger, 'warn'>;
  readonly #now: () => number;
  #windowEnd = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #unsaid = 0;

  /** `now` is a steady clock in milliseconds. */
  constructor(log: Pick<Logger, 'warn'>, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  report(removals: readonly Removal[]): void {
    for (const { groupId, memberId, clientId, clientHost, reason, timeoutMs } of removals) {
      if (this.#now() >= this.#windowEnd) this.#beginWindow();
      if (this.#lines++ < LINES_PER_WINDOW) {
        const group = groupId;
        this.#log.warn('group member removed', { group, memberId, clientId, clientHost, reason, timeoutMs });
      } else if (this.#unsaid++ === 0) {
        setTimeout(() => this.#tellRest(), this.#windowEnd - this.#now()).unref();
      }
    }
  }

  #beginWindow(): void {
    this.#tellRest();
    this.#windowEnd = this.#now() + WINDOW_MS;
    this.#lines = 0;
  }

  #tellRest(): void {
    if (this.#unsaid > 0) this.#log.warn('more group members removed', { members: this.#unsaid });
    this.#unsaid = 0;
  }
}
