import { EdgelogError } from '@edgelog/base';
import type { StateTable } from '@edgelog/log';
import type { Gap } from '@edgelog/sync';
import { z } from 'zod';
import { parseJson } from './stream-state.ts';

const KEY = 'gaps';

const gapsSchema = z.array(
  z.object({
    logId: z.string(),
    topic: z.string(),
    from: z.number().int().min(0),
    to: z.number().int().min(0),
    reason: z.enum(['hub-lost-data', 'diverged', 'dropped', 'quarantined', 'refused']),
  }),
);

/** Offsets lost for good, kept until a hub has recorded them. */
export class UnconfirmedGaps {
  readonly #table: StateTable;
  #gaps: Gap[];
  readonly #unwritten = new Set<Gap>();

  /** Throws DATA_DIR_INVALID. */
  constructor(table: StateTable) {
    this.#table = table;
    const stored = table.get(KEY);
    const parsed = gapsSchema.safeParse(stored === undefined ? [] : parseJson(stored));
    if (!parsed.success) {
      throw new EdgelogError('DATA_DIR_INVALID', `state entry "${KEY}": ${z.prettifyError(parsed.error)}`);
    }
    this.#gaps = parsed.data;
  }

  /** Those that are on disk: after a crash another might be in the place of one that is not, and a hub that had heard of it would count both. */
  list(): readonly Gap[] {
    return this.#gaps.filter((gap) => !this.#unwritten.has(gap));
  }

  /** Put into the next commit; say `written` when that is through. */
  declare(gap: Gap): void {
    this.#unwritten.add(gap);
    this.#gaps = [...this.#gaps, gap];
    this.#save();
  }

  written(gap: Gap): void {
    this.#unwritten.delete(gap);
  }

  confirm(gap: Gap): void {
    this.#gaps = this.#gaps.filter(
      (one) =>
        one.logId !== gap.logId || one.from !== gap.from || one.to !== gap.to || one.reason !== gap.reason,
    );
    this.#save();
  }

  #save(): void {
    if (this.#gaps.length === 0) this.#table.delete(KEY);
    else this.#table.put(KEY, Buffer.from(JSON.stringify(this.#gaps)));
  }
}
