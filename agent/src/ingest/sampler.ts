import { hash } from 'node:crypto';
import { Generations } from './generations.ts';
import { parsePayload, stepsOf, valueAt } from './json.ts';
import type { SampleSetting } from './schema.ts';

interface Seen {
  /** Messages since the last one kept. */
  skipped: number;
  keptAtMs: number;
  /** The number compared, or the payload's digest. */
  kept: number | string;
}

/** What a message means for its key. Nothing has changed until it is applied: what the log refuses will come again. */
export interface SampleDecision {
  readonly keep: boolean;
  apply(): void;
}

/** Keys remembered; beyond twice as many, those not seen lately begin anew. */
const KEYS_MAX = 50_000;

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

  decide(key: string, value: Buffer, monotonicMs: number): SampleDecision {
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
    return typeof found === 'number' ? found : hash('sha256', value, 'base64');
  }
}
