import type { Gap } from '@edgelog/sync';
import { z } from 'zod';
import { persist, type RecordTable } from './record-table.ts';

/** What gaps' keys begin with, in the store's state and in the metadata of a cluster. */
export const GAPS = { local: 'gap/', cluster: 'gaps' } as const;

export const gapRecord = z.strictObject({
  gateway: z.string(),
  topic: z.string(),
  reason: z.enum(['hub-lost-data', 'diverged', 'dropped', 'quarantined', 'refused']),
  logId: z.string(),
  from: z.int().min(0),
  to: z.int().min(0),
  recordedAtMs: z.int(),
});
export type RecordedGap = z.output<typeof gapRecord>;

/** What gateways declared as lost for good: offsets [from, to) of a stream, with the reason. Kept for ever. */
export class Gaps {
  readonly #table: RecordTable<RecordedGap>;

  constructor(table: RecordTable<RecordedGap>) {
    this.#table = table;
  }

  *all(): Iterable<RecordedGap> {
    for (const [, gap] of this.#table.all()) yield gap;
  }

  get lostRecords(): number {
    let lost = 0;
    for (const { from, to } of this.all()) lost += to - from;
    return lost;
  }

  has({ logId, from, to }: Gap): boolean {
    return this.#table.get(keyOf(logId, from, to)) !== undefined;
  }

  /** Resolves when it is durable; with false when it was recorded before: a gateway repeats what it has no confirmation of. */
  add(gateway: string, { logId, topic, from, to, reason }: Gap, recordedAtMs: number): Promise<boolean> {
    const record: RecordedGap = { gateway, topic, reason, logId, from, to, recordedAtMs };
    return persist(this.#table, keyOf(logId, from, to), (known) => (known ? undefined : record));
  }
}

const keyOf = (logId: string, from: number, to: number): string => `${logId}/${from}-${to}`;
