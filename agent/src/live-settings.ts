import { isDeepStrictEqual } from 'node:util';
import type { Alarms } from '@edgelog/edge';
import { describeError, type Logger } from '@edgelog/runtime';
import type { AgentSettings } from './settings.ts';

type Key = keyof AgentSettings;

/** Settings that may change while the agent runs, all of them at once. */
export interface LivePart {
  readonly keys: readonly Key[];
  /** Changes nothing; what it returns puts the settings in force. Throws CONFIG_INVALID. */
  prepare(next: AgentSettings): () => void;
}

export interface LiveSettingsOptions {
  readonly settings: AgentSettings;
  readonly parts: readonly LivePart[];
  readonly alarms: Pick<Alarms, 'raise' | 'clear'>;
  readonly log: Logger;
}

const ALARM = 'configuration';

/**
 * The settings in force. Those that are read again take effect together or not at all: where anything is wrong with them nothing changes,
 * and an alarm says what it is. What only a start can change is named in the log, each time.
 */
export class LiveSettings {
  readonly #options: LiveSettingsOptions;
  #now: AgentSettings;

  constructor(options: LiveSettingsOptions) {
    this.#options = options;
    this.#now = options.settings;
  }

  get now(): AgentSettings {
    return this.#now;
  }

  /** `load` gives the settings as they are now, or throws what is wrong with them. */
  reload(load: () => AgentSettings): void {
    const { parts, alarms, log } = this.#options;
    try {
      const next = load();
      const changed = (Object.keys({ ...this.#now, ...next }) as Key[]).filter(
        (key) => !isDeepStrictEqual(this.#now[key], next[key]),
      );
      const due = parts.filter(({ keys }) => keys.some((key) => changed.includes(key)));
      const apply = due.map((part) => part.prepare(next));
      for (const run of apply) run();
      const isLive = (key: Key) => due.some(({ keys }) => keys.includes(key));
      const applied = changed.filter(isLive);
      this.#now = { ...this.#now, ...Object.fromEntries(applied.map((key) => [key, next[key]])) };
      alarms.clear(ALARM);
      log.info('configuration read again', { changed: applied });
      for (const setting of changed.filter((key) => !isLive(key)))
        log.warn('a changed setting takes effect with the next start', { setting });
    } catch (error) {
      alarms.raise(ALARM, `${describeError(error)}; all stays as it was`);
    }
  }
}
