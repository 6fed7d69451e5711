import type { Random } from '../random.ts';
import { Drift } from './drift.ts';
import { type Fields, HOUR_MS, round, type Signal } from './signal.ts';
import { TemperatureSignal } from './temperature.ts';

const SENSOR_NOISE_PERCENT = 0.15;

/**
 * Relative humidity. The water in the air changes slowly (its dew point drifts), so humidity falls when the air warms;
 * the two meet in the Magnus formula (Alduchov and Eskridge, 1996).
 */
export class HumiditySignal implements Signal {
  readonly #random: Random;
  readonly #air: TemperatureSignal;
  readonly #dewPoint: Drift;
  readonly #meanDewPointC: number;

  constructor(random: Random) {
    this.#random = random;
    this.#air = new TemperatureSignal(random);
    this.#dewPoint = new Drift(random, 12 * HOUR_MS, 1);
    this.#meanDewPointC = 8 + 2 * random.uniform();
  }

  sample(timeMs: number): Fields {
    const airC = this.#air.airAt(timeMs);
    const dewPointC = this.#meanDewPointC + this.#dewPoint.at(timeMs);
    const percent =
      (100 * vapourPressure(dewPointC)) / vapourPressure(airC) + SENSOR_NOISE_PERCENT * this.#random.normal();
    return { value: round(Math.min(100, Math.max(0, percent)), 1), unit: '%', air: round(airC, 2) };
  }
}

/** Saturation vapour pressure over water, in hPa. */
function vapourPressure(temperatureC: number): number {
  return 6.1094 * Math.exp((17.625 * temperatureC) / (243.04 + temperatureC));
}
