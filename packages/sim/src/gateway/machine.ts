import type { Scheduler } from '../scheduler.ts';

/** The clocks of a gateway's hardware: one that anybody may put anywhere, and one that only goes on until the power is cut. */
export class Machine {
  readonly #scheduler: Scheduler;
  /** System's clock − true time, ms. */
  skewMs = 0;
  #bootedAt: number;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.#bootedAt = scheduler.now();
  }

  wallMs(): number {
    return Math.max(0, this.#scheduler.now() + this.skewMs);
  }

  monotonicMs(): number {
    return this.#scheduler.now() - this.#bootedAt;
  }

  /** Without an RTC a machine wakes up in 1970, or where it last knew that it was. */
  powerCut(wakesAtMs: number): void {
    this.#bootedAt = this.#scheduler.now();
    this.skewMs = wakesAtMs - this.#scheduler.now();
  }
}
