import { EdgelogError } from '@edgelog/base';

/** Where alarms are written: a logger of the runtime is one. */
export interface AlarmLog {
  info(event: string, fields: Readonly<Record<string, unknown>>): void;
  error(event: string, fields: Readonly<Record<string, unknown>>): void;
}

export interface Alarm {
  /** What is wrong with what, e.g. `diverged telemetry`; one alarm per name. */
  name: string;
  message: string;
  since: string;
}

/** What alarms begin with that tell of something past and lost: they end when somebody says that he has seen it. */
const OF_THE_PAST = ['damaged', 'diverged', 'dropped'];

/** States that an operator should know of. Raised and cleared with a log line; shown in /status. */
export class Alarms {
  readonly #log: AlarmLog;
  readonly #now: () => number;
  readonly #active = new Map<string, Alarm>();

  /** `now`: wall clock, ms. */
  constructor(log: AlarmLog, now: () => number = Date.now) {
    this.#log = log;
    this.#now = now;
  }

  raise(name: string, message: string): void {
    const known = this.#active.get(name);
    if (known?.message === message) return;
    this.#active.set(name, { name, message, since: known?.since ?? new Date(this.#now()).toISOString() });
    this.#log.error('alarm', { alarm: name, message });
  }

  clear(name: string): void {
    if (this.#active.delete(name)) this.#log.info('alarm cleared', { alarm: name });
  }

  /** Ends an alarm that tells of the past; the next occurrence raises it again. Throws CONFIG_INVALID for any other. */
  acknowledge(name: string): void {
    if (!this.#active.has(name)) {
      throw new EdgelogError('CONFIG_INVALID', `there is no alarm ${JSON.stringify(name)}`);
    }
    if (!OF_THE_PAST.includes(name.split(' ')[0]!)) {
      throw new EdgelogError('CONFIG_INVALID', `the alarm ${JSON.stringify(name)} ends with its cause`);
    }
    this.#active.delete(name);
    this.#log.info('alarm acknowledged', { alarm: name });
  }

  list(): Alarm[] {
    return [...this.#active.values()];
  }
}
