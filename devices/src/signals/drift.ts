import type { Random } from '../random.ts';

/** A slow random drift around zero (an Ornstein-Uhlenbeck process, exact for any step). */
export class Drift {
  readonly #random: Random;
  readonly #timeConstantMs: number;
  readonly #deviation: number;
  #value: number;
  #timeMs: number | undefined;

  constructor(random: Random, timeConstantMs: number, deviation: number) {
    this.#random = random;
    this.#timeConstantMs = timeConstantMs;
    this.#deviation = deviation;
    this.#value = deviation * random.normal();
  }

  at(timeMs: number): number {
    const keep = Math.exp(-Math.max(0, timeMs - (this.#timeMs ?? timeMs)) / this.#timeConstantMs);
    if (keep < 1) {
      this.#value = this.#value * keep + this.#deviation * Math.sqrt(1 - keep * keep) * this.#random.normal();
    }
    this.#timeMs = timeMs;
    return this.#value;
  }
}
