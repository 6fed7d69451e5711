import { hash } from 'node:crypto';
import { Generations } from './generations.ts';
import { parsePayload, stepsOf, valueAt } from './json.ts';
import type { SampleSetting } from './schema.ts';

interface Seen {
  /** Messages since the last one kept. */
  skipped: number;
  keptAtMs: number;
  /** The number compared, or the digest of what else lies there, or of a payload without it. */
  kept: number | string;
}

/** What a message means for its key. Nothing has changed until it is applied: what the log refuses will come again. */
export interface SampleDecision {
  readonly keep: boolean;
  apply(): void;
}

/** Keys remembered; beyond twice as many, those not seen lately begin anew. */
const KEYS_MAX = 50_000;
/** Longer ones are remembered by their digest. */
const KEY_LENGTH_MAX = 200;

/** One route's `sample` rule. All its conditions must hold for a message to be kept; the first of a key always is. */
export class Sampler {
  readonly #rule: SampleSetting;
  readonly #steps: readonly (string | number)[];
  readonly #comparesChange: boolean;
  readonly #seen = new Generations<string, Seen>(KEYS_MAX);

  constructor(rule: SampleSetting) {
    this.#rule = rule;
    this.#steps = rule.path === undefined ? [] : stepsOf(rule.path);
    this.#comparesChange = rule.onChange === true || rule.deadband !== undefined;
  }

  decide(recordKey: string, value: Buffer, monotonicMs: number): SampleDecision {
    const key = recordKey.length > KEY_LENGTH_MAX ? hash('sha256', recordKey, 'base64') : recordKey;
    const seen = this.#seen.get(key);
    const content = this.#comparesChange ? this.#content(value) : '';
    const keep = seen === undefined || this.#keeps(seen, content, monotonicMs);
    return {
      keep,
      apply: () => {
        if (seen !== undefined && !keep) seen.skipped++;
        else this.#seen.set(key, { skipped: 0, keptAtMs: monotonicMs, kept: content });
      },
    };
  }

  #keeps(seen: Seen, content: number | string, monotonicMs: number): boolean {
    const { every, intervalMs, atLeastEveryMs } = this.#rule;
    const sinceMs = monotonicMs - seen.keptAtMs;
    if (atLeastEveryMs !== undefined && sinceMs >= atLeastEveryMs) return true;
    if (every !== undefined && seen.skipped + 1 < every) return false;
    if (intervalMs !== undefined && sinceMs < intervalMs) return false;
    return !this.#comparesChange || this.#differs(seen.kept, content);
  }

  #differs(before: number | string, now: number | string): boolean {
    if (typeof before === 'number' && typeof now === 'number') {
      return Math.abs(now - before) > (this.#rule.deadband ?? 0);
    }
    return before !== now;
  }

  #content(value: Buffer): number | string {
    const found = valueAt(parsePayload(value), this.#steps);
    if (typeof found === 'number') return found;
    const isPart = found !== undefined && this.#steps.length > 0;
    return hash('sha256', isPart ? JSON.stringify(found) : value, 'base64');
  }
}
