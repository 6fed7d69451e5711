import type { StateTable } from '@edgelog/log';
import type { Gap } from '@edgelog/sync';
import { z } from 'zod';
import { putRecord, readRecords } from '../state-record.ts';

const PREFIX = 'gap/';

const gapRecord = z.strictObject({
  gateway: z.string(),
  topic: z.string(),
  reason: z.enum(['hub-lost-data', 'diverged', 'dropped', 'quarantined']),
  logId: z.string(),
  from: z.int().min(0),
  to: z.int().min(0),
  recordedAtMs: z.int(),
});
export type RecordedGap = z.infer<typeof gapRecord>;

/** What gateways declared as lost for good: offsets [from, to) of a stream, with the reason. Kept for ever. */
export class Gaps {
  readonly #state: StateTable;
  readonly #byKey = new Map<string, RecordedGap>();

  constructor(state: StateTable) {
    this.#state = state;
    for (const [key, gap] of readRecords(state, PREFIX, gapRecord)) this.#byKey.set(key, gap);
  }

  all(): Iterable<RecordedGap> {
    return this.#byKey.values();
  }

  get lostRecords(): number {
    let lost = 0;
    for (const { from, to } of this.#byKey.values()) lost += to - from;
    return lost;
  }

  /** False when it was recorded before: a gateway repeats what it has no confirmation of. */
  add(gateway: string, gap: Gap, recordedAtMs: number): boolean {
    const { logId, topic, from, to, reason } = gap;
    const key = `${logId}/${from}-${to}`;
    if (this.#byKey.has(key)) return false;
    const record: RecordedGap = { gateway, topic, reason, logId, from, to, recordedAtMs };
    putRecord(this.#state, PREFIX + key, gapRecord, record);
    this.#byKey.set(key, record);
    return true;
  }
}
