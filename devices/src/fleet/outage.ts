import { parseDuration } from '@edgelog/runtime/units.ts';
import type { Random } from '../random.ts';

/** Devices fall off the network every `periodMs` on average, for `durationMs`. */
export interface OutagePlan {
  readonly periodMs: number;
  readonly durationMs: number;
}

/** Parses `PERIOD/DURATION`, e.g. `60s/5s`. */
export function parseOutagePlan(text: string): OutagePlan | undefined {
  const [period, duration, ...rest] = text.split('/').map(parseDuration);
  if (period === undefined || duration === undefined || rest.length > 0) return undefined;
  return duration < period ? { periodMs: period, durationMs: duration } : undefined;
}

/** When one device is off the network: outages of the planned length at random distances. */
export class OutageSchedule {
  readonly #plan: OutagePlan;
  readonly #random: Random;
  #startMs: number | undefined;

  constructor(plan: OutagePlan, random: Random) {
    this.#plan = plan;
    this.#random = random;
  }

  isOutAt(timeMs: number): boolean {
    const { periodMs, durationMs } = this.#plan;
    this.#startMs ??= timeMs + periodMs * this.#random.uniform();
    if (timeMs >= this.#startMs + durationMs) {
      this.#startMs = timeMs + (periodMs - durationMs) * (0.5 + this.#random.uniform());
    }
    return timeMs >= this.#startMs;
  }
}
