import { createRandom } from '../random.ts';
import { EnergySignal } from '../signals/energy.ts';
import { HumiditySignal } from '../signals/humidity.ts';
import type { Signal } from '../signals/signal.ts';
import { TemperatureSignal } from '../signals/temperature.ts';
import { VibrationSignal } from '../signals/vibration.ts';

const SIGNALS = [
  ['temperature', TemperatureSignal],
  ['humidity', HumiditySignal],
  ['vibration', VibrationSignal],
  ['energy', EnergySignal],
] as const;

export interface DeviceIdentity {
  readonly site: string;
  /** Changes at each start of the simulator: `seq` counts from 0 within one boot. */
  readonly boot: string;
  readonly seed: string | number;
}

export interface Reading {
  readonly topic: string;
  readonly payload: string;
}

/** One simulated device: a signal, a topic, and readings numbered without a gap, so that a reader can prove nothing is lost. */
export class Device {
  readonly name: string;
  readonly topic: string;
  readonly #boot: string;
  readonly #signal: Signal;
  #seq = 0;

  /** Four devices, one of each kind, make a production line. */
  constructor(index: number, { site, boot, seed }: DeviceIdentity) {
    const [kind, SignalOfKind] = SIGNALS[index % SIGNALS.length]!;
    const line = Math.floor(index / SIGNALS.length) + 1;
    this.name = `${site}-line${line}-${kind}`;
    this.topic = `site/${site}/line/${line}/${kind}`;
    this.#boot = boot;
    this.#signal = new SignalOfKind(createRandom(`${seed}/${this.name}`));
  }

  /** Readings taken so far. */
  get readings(): number {
    return this.#seq;
  }

  read(timeMs: number): Reading {
    const payload = JSON.stringify({
      device: this.name,
      boot: this.#boot,
      seq: this.#seq,
      time: new Date(timeMs).toISOString(),
      ...this.#signal.sample(timeMs),
    });
    this.#seq += 1;
    return { topic: this.topic, payload };
  }
}
