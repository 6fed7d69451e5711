import { assert } from '@edgelog/base';
import type { LeaderEpochs } from './types.ts';

export interface EpochStart {
  epoch: number;
  startOffset: number;
}

/** The leader epoch cache of one partition [KIP-101, KIP-279]; pure but for the two callbacks it is made with. */
export class LeaderEpochCache implements LeaderEpochs {
  #entries: EpochStart[];
  readonly #logEndOffset: () => number;
  readonly #changed: () => void;

  constructor(entries: EpochStart[], logEndOffset: () => number, changed: () => void) {
    this.#entries = entries;
    this.#logEndOffset = logEndOffset;
    this.#changed = changed;
  }

  get entries(): readonly EpochStart[] {
    return this.#entries;
  }

  get latest(): number | undefined {
    return this.#entries.at(-1)?.epoch;
  }

  assign(epoch: number, startOffset: number): void {
    assert(epoch >= 0 && startOffset >= 0, `leader epoch ${epoch} at offset ${startOffset}`);
    const last = this.#entries.at(-1);
    if (last?.epoch === epoch && startOffset >= last.startOffset) return;
    this.#entries = this.#entries.filter((e) => e.epoch < epoch && e.startOffset < startOffset);
    this.#entries.push({ epoch, startOffset });
    this.#changed();
  }

  endOffsetFor(epoch: number): { epoch: number; endOffset: number } | undefined {
    if (epoch === this.latest) return { epoch, endOffset: this.#logEndOffset() };
    const higher = this.#entries.findIndex((e) => e.epoch > epoch);
    if (higher < 0) return undefined;
    const endOffset = this.#entries[higher]!.startOffset;
    return { epoch: this.#entries[higher - 1]?.epoch ?? epoch, endOffset };
  }

  epochAt(offset: number): number | undefined {
    return this.#entries.findLast(({ startOffset }) => startOffset <= offset)?.epoch;
  }

  /** Forgets epochs that begin at or above the offset: what was there is gone. */
  truncateFrom(offset: number): void {
    const kept = this.#entries.filter(({ startOffset }) => startOffset < offset);
    if (kept.length === this.#entries.length) return;
    this.#entries = kept;
    this.#changed();
  }

  /** Forgets what lies wholly below the log start; the epoch that covers it now begins there. */
  trimBelow(logStartOffset: number): void {
    const floor = this.#entries.findLastIndex((e) => e.startOffset <= logStartOffset);
    if (floor < 0) return;
    const { epoch } = this.#entries[floor]!;
    this.#entries.splice(0, floor + 1, { epoch, startOffset: logStartOffset });
    this.#changed();
  }
}
