import type { RecordClock } from './clock-types.ts';

/**
 * The clock as it was at the first reading of a turn: all readings of the turn get that time and that trust, for which the clocks are
 * read once. It holds from `hold` to `release`; between turns it tells what the clocks say.
 */
export class TurnClock {
  readonly #clock: RecordClock;
  readonly #monotonicMs: () => number;
  #isHeld = false;
  #timeMs = 0;
  #heldMonotonicMs = 0;
  #isTrusted = false;

  constructor(clock: RecordClock, monotonicMs: () => number) {
    this.#clock = clock;
    this.#monotonicMs = monotonicMs;
  }

  get isTrusted(): boolean {
    return this.#isHeld ? this.#isTrusted : this.#clock.isTrusted;
  }

  now(): number {
    return this.#isHeld ? this.#timeMs : this.#clock.now();
  }

  monotonicMs(): number {
    return this.#isHeld ? this.#heldMonotonicMs : this.#monotonicMs();
  }

  /** A turn begins, or goes on. */
  hold(): void {
    if (this.#isHeld) return;
    this.#timeMs = this.#clock.now();
    this.#isTrusted = this.#clock.isTrusted;
    this.#heldMonotonicMs = this.#monotonicMs();
    this.#isHeld = true;
  }

  /** The turn is over. */
  release(): void {
    this.#isHeld = false;
  }
}
