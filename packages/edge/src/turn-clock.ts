import type { RecordClock } from './clock-types.ts';

/**
 * The clock as it was at the first reading of a turn: all readings of the turn get that time and that trust, for which the clocks are
 * read once. `begun` is told when it is; from then on it holds until `release`.
 */
export class TurnClock {
  readonly #clock: RecordClock;
  readonly #monotonicMs: () => number;
  readonly #begun: () => void;
  #isHeld = false;
  #timeMs = 0;
  #heldMonotonicMs = 0;
  #isTrusted = false;

  constructor(clock: RecordClock, monotonicMs: () => number, begun: () => void) {
    this.#clock = clock;
    this.#monotonicMs = monotonicMs;
    this.#begun = begun;
  }

  get isTrusted(): boolean {
    this.#hold();
    return this.#isTrusted;
  }

  now(): number {
    this.#hold();
    return this.#timeMs;
  }

  monotonicMs(): number {
    this.#hold();
    return this.#heldMonotonicMs;
  }

  /** The turn is over. */
  release(): void {
    this.#isHeld = false;
  }

  #hold(): void {
    if (this.#isHeld) return;
    this.#timeMs = this.#clock.now();
    this.#isTrusted = this.#clock.isTrusted;
    this.#heldMonotonicMs = this.#monotonicMs();
    this.#isHeld = true;
    this.#begun();
  }
}
