import { preferFirst } from '@edgelog/cluster';
import type { Metadata } from '../mirror/metadata.ts';
import type { Swap } from './swaps.ts';

/** So many leaders move at a time, at most: each is a short pause for its clients. */
const SWAPS_MAX = 500;

/** Finds partitions that their preferred leader could lead, and could for some time. */
export class PreferredLeaders {
  readonly #delayMs: number;
  readonly #since = new Map<string, number>();

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  /** To be asked every second or so. */
  due(metadata: Metadata, nowMs: number): Swap[] {
    const candidates = new Set<string>();
    const due: Swap[] = [];
    for (const entry of metadata.partitions()) {
      const { record, topicId, index } = entry;
      const [first] = record.replicas;
      if (record.leader === first || !record.isr.includes(first!)) continue;
      const next = preferFirst(record, metadata.states);
      if (next === record) continue;
      const key = `${topicId}/${index}`;
      candidates.add(key);
      const since = this.#since.get(key) ?? nowMs;
      this.#since.set(key, since);
      if (nowMs - since >= this.#delayMs && due.length < SWAPS_MAX) due.push({ entry, next });
    }
    for (const key of this.#since.keys()) if (!candidates.has(key)) this.#since.delete(key);
    return due;
  }
}
