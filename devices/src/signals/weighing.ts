import type { Random } from '../random.ts';
import { round, SECOND_MS } from './signal.ts';

const SETTLING_TIME_CONSTANT_MS = 700;
const SWING_PERIOD_MS = 450;

/** A platform scale: loads are put on and taken off, and the reading swings until it settles. */
export class Weighing {
  readonly #random: Random;
  #fromKg = 0;
  #toKg = 0;
  #changedAtMs = 0;
  #nextChangeMs: number | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The displayed weight in kg, and whether the scale calls it stable. */
  sample(timeMs: number): { kg: number; isStable: boolean } {
    this.#nextChangeMs ??= timeMs + this.#random.exponential(3 * SECOND_MS);
    if (timeMs >= this.#nextChangeMs) {
      this.#fromKg = this.#toKg;
      this.#toKg = this.#toKg > 0 ? 0 : 2 + 48 * this.#random.uniform();
      this.#changedAtMs = timeMs;
      this.#nextChangeMs = timeMs + 3 * SECOND_MS + this.#random.exponential(5 * SECOND_MS);
    }
    const sinceMs = timeMs - this.#changedAtMs;
    const envelope = (this.#fromKg - this.#toKg) * Math.exp(-sinceMs / SETTLING_TIME_CONSTANT_MS);
    const swing = envelope * Math.cos((2 * Math.PI * sinceMs) / SWING_PERIOD_MS);
    const kg = this.#toKg + swing + 0.004 * this.#random.normal();
    return { kg: round(kg, 2), isStable: Math.abs(envelope) < 0.02 };
  }
}
