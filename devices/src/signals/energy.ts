import type { Random } from '../random.ts';
import { Drift } from './drift.ts';
import { DutyCycle } from './duty-cycle.ts';
import { DAY_MS, type Fields, HOUR_MS, MINUTE_MS, round, type Signal } from './signal.ts';

const STANDBY_W = 180;
const SHIFT_STARTS_HOUR = 5;
const SHIFT_ENDS_HOUR = 22;

/** An energy meter: momentary power after a load profile (shifts, a machine's cycles), and a register that only grows. */
export class EnergySignal implements Signal {
  readonly #random: Random;
  readonly #machine: DutyCycle;
  readonly #load: Drift;
  readonly #machineW: number;
  #registerWh: number;
  #powerW = 0;
  #timeMs: number | undefined;

  constructor(random: Random) {
    this.#random = random;
    this.#machine = new DutyCycle(random, 4 * MINUTE_MS, 90_000);
    this.#load = new Drift(random, 2 * MINUTE_MS, 0.08);
    this.#machineW = 2_500 + 5_000 * random.uniform();
    this.#registerWh = Math.floor(1e6 + 9e7 * random.uniform());
  }

  sample(timeMs: number): Fields {
    // The register holds what was drawn until now, at the power of the sample before.
    this.#registerWh += (this.#powerW * Math.max(0, timeMs - (this.#timeMs ?? timeMs))) / HOUR_MS;
    this.#timeMs = timeMs;
    const hour = (timeMs % DAY_MS) / HOUR_MS;
    const isShift = hour >= SHIFT_STARTS_HOUR && hour < SHIFT_ENDS_HOUR;
    const machineW = this.#machine.isOnAt(timeMs)
      ? this.#machineW * (isShift ? 1 : 0.15) * (1 + this.#load.at(timeMs))
      : 0;
    this.#powerW = Math.max(0, STANDBY_W + machineW + 5 * this.#random.normal());
    return { power_w: round(this.#powerW, 1), energy_kwh: Math.floor(this.#registerWh) / 1_000 };
  }
}
