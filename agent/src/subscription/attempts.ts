import { backoffMs } from '@edgelog/base';

const BACKOFF = { minMs: 500, maxMs: 60_000 };
/** A connection that stood for so long was no part of a quarrel. */
export const STEADY_MS = 120_000;
/** So many connections in a row that stood for less: somebody ends them. */
const SHORT_ONES = 3;

/**
 * When a broker is tried again. Connections that do not stand for long are as good as none: else two gateways with one client id end
 * each other's twice a second.
 */
export class Attempts {
  #failures = 0;
  #shortOnes = 0;
  #sinceMs: number | undefined;

  /** Connections in a row that stood, but not for long. */
  get shortOnes(): number {
    return this.#shortOnes;
  }

  get isQuarrel(): boolean {
    return this.#shortOnes >= SHORT_ONES;
  }

  /** Messages can come. `nowMs`: of a clock that is never set. */
  stands(nowMs: number): void {
    this.#sinceMs = nowMs;
  }

  /** The connection has ended, or never stood. */
  ended(nowMs: number): void {
    if (this.#sinceMs === undefined) return;
    this.#shortOnes = nowMs - this.#sinceMs < STEADY_MS ? this.#shortOnes + 1 : 0;
    this.#failures = Math.max(0, this.#shortOnes - 1);
    this.#sinceMs = undefined;
  }

  /** How long to wait before the next; `random` from 0 to 1. */
  delayMs(random: number): number {
    return backoffMs(this.#failures++, BACKOFF, random);
  }
}
