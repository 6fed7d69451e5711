import type { Random } from '../random.ts';
import { Drift } from './drift.ts';
import { DutyCycle } from './duty-cycle.ts';
import { type Fields, MINUTE_MS, round, SECOND_MS, type Signal } from './signal.ts';

const FAULT_EVERY_MEAN_MS = 3 * MINUTE_MS;
const FAULT_TIME_CONSTANT_MS = 8 * SECOND_MS;

/**
 * Velocity of a bearing's vibration. A healthy bearing has a crest factor (peak over rms) near 3; a damaged raceway
 * strikes in bursts, which raise the peak far more than the rms.
 */
export class VibrationSignal implements Signal {
  readonly #random: Random;
  readonly #machine: DutyCycle;
  readonly #wear: Drift;
  #burst = 0;
  #nextFaultMs: number | undefined;
  #timeMs = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#machine = new DutyCycle(random, 25 * MINUTE_MS, 4 * MINUTE_MS);
    this.#wear = new Drift(random, 30 * MINUTE_MS, 0.15);
  }

  sample(timeMs: number): Fields {
    const isRunning = this.#machine.isOnAt(timeMs);
    const burst = this.#burstAt(timeMs);
    const base = isRunning ? Math.max(0.8, 1.8 + this.#wear.at(timeMs)) : 0.05;
    const rms = base * (1 + 0.03 * this.#random.normal()) * (1 + (isRunning ? 0.4 * burst : 0));
    const crest = 3 + 0.15 * this.#random.normal() + (isRunning ? 5 * burst : 0);
    return {
      rms: round(Math.max(0, rms), 3),
      peak: round(Math.max(0, rms * Math.max(1.5, crest)), 3),
      unit: 'mm/s',
    };
  }

  /** 0 when the bearing is quiet, up to 1 right after a strike. */
  #burstAt(timeMs: number): number {
    this.#burst *= Math.exp(-Math.max(0, timeMs - this.#timeMs) / FAULT_TIME_CONSTANT_MS);
    this.#timeMs = timeMs;
    this.#nextFaultMs ??= timeMs + this.#random.exponential(FAULT_EVERY_MEAN_MS);
    if (timeMs >= this.#nextFaultMs) {
      this.#burst = 0.5 + 0.5 * this.#random.uniform();
      this.#nextFaultMs = timeMs + this.#random.exponential(FAULT_EVERY_MEAN_MS);
    }
    return this.#burst;
  }
}
