import { assert } from '@edgelog/base';

/** An instrument that is asked. */
export interface PolledDevice {
  /** Empty on a line with one instrument that has no name. */
  name: string;
  /** As the protocol counts: a Modbus slave, an M-Bus primary or secondary address. */
  address: string;
}

/** The longest wait before an instrument that does not answer is tried again, unless it is polled less often anyway. */
const BACKOFF_MAX_MS = 60_000;

/** Who of a line's instruments is asked when: each at its own rhythm, one at a time; a silent one ever more rarely, so that it does not take the others' time. */
export class PollSchedule {
  readonly #everyMs: number;
  readonly #entries: { readonly device: PolledDevice; dueAtMs: number; failures: number }[];

  constructor(devices: readonly PolledDevice[], everyMs: number, nowMs: number) {
    assert(devices.length > 0 && everyMs > 0, 'a line polls at least one instrument, now and then');
    this.#everyMs = everyMs;
    this.#entries = devices.map((device) => ({ device, dueAtMs: nowMs, failures: 0 }));
  }

  /** Whose turn is next, and when. */
  next(): { device: PolledDevice; dueAtMs: number } {
    return this.#entries.reduce((first, entry) => (entry.dueAtMs < first.dueAtMs ? entry : first));
  }

  answered(device: PolledDevice, nowMs: number): void {
    const entry = this.#entry(device);
    entry.failures = 0;
    const missed = Math.floor(Math.max(0, nowMs - entry.dueAtMs) / this.#everyMs);
    entry.dueAtMs += (missed + 1) * this.#everyMs;
  }

  failed(device: PolledDevice, nowMs: number): void {
    const entry = this.#entry(device);
    const backoffMs = this.#everyMs * 2 ** Math.min(entry.failures, 20);
    entry.failures += 1;
    entry.dueAtMs = nowMs + Math.min(backoffMs, Math.max(this.#everyMs, BACKOFF_MAX_MS));
  }

  #entry(device: PolledDevice) {
    const entry = this.#entries.find((one) => one.device === device);
    assert(entry !== undefined, 'only devices of the schedule are polled');
    return entry;
  }
}
