import type { Random } from '../random.ts';

/** A machine that runs and stands still in turns of random length. */
export class DutyCycle {
  readonly #random: Random;
  readonly #onMeanMs: number;
  readonly #offMeanMs: number;
  #isOn: boolean;
  #switchesAtMs: number | undefined;

  constructor(random: Random, onMeanMs: number, offMeanMs: number) {
    this.#random = random;
    this.#onMeanMs = onMeanMs;
    this.#offMeanMs = offMeanMs;
    this.#isOn = random.uniform() < onMeanMs / (onMeanMs + offMeanMs);
  }

  isOnAt(timeMs: number): boolean {
    this.#switchesAtMs ??= timeMs + this.#nextTurnMs();
    // After a jump of the clock only the last turn matters.
    const horizonMs = timeMs - 100 * (this.#onMeanMs + this.#offMeanMs);
    if (this.#switchesAtMs < horizonMs) this.#switchesAtMs = horizonMs;
    while (this.#switchesAtMs <= timeMs) {
      this.#isOn = !this.#isOn;
      this.#switchesAtMs += this.#nextTurnMs();
    }
    return this.#isOn;
  }

  #nextTurnMs(): number {
    return Math.max(1, this.#random.exponential(this.#isOn ? this.#onMeanMs : this.#offMeanMs));
  }
}
