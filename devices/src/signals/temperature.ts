import type { Random } from '../random.ts';
import { Drift } from './drift.ts';
import { DutyCycle } from './duty-cycle.ts';
import { dailyCycle, type Fields, HOUR_MS, MINUTE_MS, round, type Signal } from './signal.ts';

const THERMAL_TIME_CONSTANT_MS = 12 * MINUTE_MS;
const SENSOR_NOISE_C = 0.03;

/** Air temperature in a hall: daily cycle, weather, the waste heat of a machine; the air follows them slowly. */
export class TemperatureSignal implements Signal {
  readonly #random: Random;
  readonly #weather: Drift;
  readonly #machine: DutyCycle;
  readonly #meanC: number;
  #airC: number | undefined;
  #timeMs = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#weather = new Drift(random, 6 * HOUR_MS, 1.5);
    this.#machine = new DutyCycle(random, 25 * MINUTE_MS, 15 * MINUTE_MS);
    this.#meanC = 20 + 3 * random.uniform();
  }

  /** The air itself, without the sensor's noise, in °C. */
  airAt(timeMs: number): number {
    const heatC = this.#machine.isOnAt(timeMs) ? 4 : 0;
    const targetC = this.#meanC + 3 * dailyCycle(timeMs, 15) + this.#weather.at(timeMs) + heatC;
    this.#airC ??= targetC;
    const keep = Math.exp(-Math.max(0, timeMs - this.#timeMs) / THERMAL_TIME_CONSTANT_MS);
    this.#airC = targetC + (this.#airC - targetC) * keep;
    this.#timeMs = timeMs;
    return this.#airC;
  }

  sample(timeMs: number): Fields {
    return { value: round(this.airAt(timeMs) + SENSOR_NOISE_C * this.#random.normal(), 2), unit: '°C' };
  }
}
