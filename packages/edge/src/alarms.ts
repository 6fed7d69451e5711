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

/** A `state` ends with its cause; what tells of `events`, which are past, ends when somebody says that he has seen it. */
export type AlarmKind = 'state' | 'events';

/** States that an operator should know of. Raised and cleared with a log line; shown in /status. */
export class Alarms {
  readonly #log: AlarmLog;
  readonly #now: () => number;
  readonly #active = new Map<string, { alarm: Alarm; kind: AlarmKind }>();

  /** `now`: wall clock, ms. */
  constructor(log: AlarmLog, now: () => number = Date.now) {
    this.#log = log;
    this.#now = now;
  }

  raise(name: string, message: string, kind: AlarmKind = 'state'): void {
    const known = this.#active.get(name)?.alarm;
    if (known?.message === message) return;
    const since = known?.since ?? new Date(this.#now()).toISOString();
    this.#active.set(name, { alarm: { name, message, since }, kind });
    this.#log.error('alarm', { alarm: name, message });
  }

  clear(name: string): void {
    if (this.#active.delete(name)) this.#log.info('alarm cleared', { alarm: name });
  }

  /** Ends an alarm that tells of events; the next one raises it again. Throws CONFIG_INVALID for any other. */
  acknowledge(name: string): void {
    const kind = this.#active.get(name)?.kind;
    if (kind === undefined) {
      throw new EdgelogError('CONFIG_INVALID', `there is no alarm ${JSON.stringify(name)}`);
    }
    if (kind === 'state') {
      throw new EdgelogError('CONFIG_INVALID', `the alarm ${JSON.stringify(name)} ends with its cause`);
    }
    this.#active.delete(name);
    this.#log.info('alarm acknowledged', { alarm: name });
  }

  list(): Alarm[] {
    return [...this.#active.values()].map(({ alarm }) => alarm);
  }
}
