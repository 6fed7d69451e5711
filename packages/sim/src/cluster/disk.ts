import { assert } from '@edgelog/base';
import { type EpochStart, LeaderEpochCache } from '@edgelog/log/leader-epochs.ts';
import type { Prng } from '../prng.ts';
import type { Scheduler } from '../scheduler.ts';

/** A batch as brokers pass it on: bytes stand for themselves in numbers, each record has one of its own. */
export interface SimBatch {
  readonly baseOffset: number;
  readonly epoch: number;
  readonly producer: number;
  readonly sequence: number;
  readonly records: readonly number[];
  /** Of a gateway's batch: its `sequence` is an edge offset, and counts records. Other producers count batches. */
  readonly crc?: number;
}

/** The sequence that follows a batch. */
export function sequenceAfter({ sequence, records, crc }: SimBatch): number {
  return sequence + (crc === undefined ? 1 : records.length);
}

interface State {
  batches: readonly SimBatch[];
  epochs: readonly EpochStart[];
  highWatermark: number;
}

const EMPTY: State = { batches: [], epochs: [], highWatermark: 0 };

/** One partition's log on one disk: what is written becomes durable later, in order; a crash takes the rest. */
export class SimLog {
  readonly #scheduler: Scheduler;
  readonly #prng: Prng;
  readonly #flushMs: () => number;
  #batches: readonly SimBatch[];
  #epochs: LeaderEpochCache;
  #durable: State;
  #waiting: (() => void)[] = [];
  #isFlushing = false;
  #generation = 0;
  /** As far as it is known here; kept with the log, as a lower bound for the next start. */
  highWatermark: number;

  constructor(scheduler: Scheduler, prng: Prng, flushMs: () => number) {
    this.#scheduler = scheduler;
    this.#prng = prng;
    this.#flushMs = flushMs;
    this.#durable = EMPTY;
    this.#batches = [];
    this.#epochs = this.#cache([]);
    this.highWatermark = 0;
  }

  get leaderEpochs(): LeaderEpochCache {
    return this.#epochs;
  }

  get batches(): readonly SimBatch[] {
    return this.#batches;
  }

  get logStartOffset(): number {
    return 0;
  }

  get logEndOffset(): number {
    const last = this.#batches.at(-1);
    return last === undefined ? 0 : last.baseOffset + last.records.length;
  }

  get lastEpoch(): number {
    return this.#batches.at(-1)?.epoch ?? -1;
  }

  append(batch: SimBatch): void {
    assert(batch.baseOffset === this.logEndOffset, 'batches are dense');
    this.#batches = [...this.#batches, batch];
    if (batch.epoch !== this.#epochs.latest) this.#epochs.assign(batch.epoch, batch.baseOffset);
  }

  truncate(endOffset: number): void {
    const kept = this.#batches.filter(({ baseOffset }) => baseOffset < endOffset);
    const last = kept.at(-1);
    // A batch that reaches over the cut goes as a whole: the leader sends it again.
    if (last !== undefined && last.baseOffset + last.records.length > endOffset) kept.pop();
    this.#batches = kept;
    this.#epochs = this.#cache(
      this.#epochs.entries.filter(({ startOffset }) => startOffset < this.logEndOffset),
    );
  }

  /** Calls back once all that is written now is durable; never after a crash. */
  flush(done: () => void): void {
    this.#waiting.push(done);
    if (!this.#isFlushing) this.#flushOnce();
  }

  /** From the first batch that holds `offset`, whole batches below `endOffset`. */
  read(offset: number, endOffset: number, most = 5): SimBatch[] {
    return this.#batches
      .filter(
        ({ baseOffset, records }) =>
          baseOffset + records.length > offset && baseOffset + records.length <= endOffset,
      )
      .slice(0, most);
  }

  /** What this producer wrote last here. */
  lastOf(producer: number): SimBatch | undefined {
    return this.#batches.findLast((batch) => batch.producer === producer);
  }

  crash(): void {
    this.#restore(this.#durable);
  }

  wipe(): void {
    this.#durable = EMPTY;
    this.#restore(EMPTY);
  }

  backup(): State {
    return this.#durable;
  }

  restore(backup: State): void {
    this.#durable = backup;
    this.#restore(backup);
  }

  #restore({ batches, epochs, highWatermark }: State): void {
    this.#generation++;
    this.#waiting = [];
    this.#isFlushing = false;
    this.#batches = batches;
    this.#epochs = this.#cache(epochs);
    this.highWatermark = highWatermark;
  }

  #flushOnce(): void {
    this.#isFlushing = true;
    const generation = this.#generation;
    const waiting = this.#waiting;
    this.#waiting = [];
    const state: State = {
      batches: this.#batches,
      epochs: [...this.#epochs.entries],
      highWatermark: this.highWatermark,
    };
    this.#scheduler.after(this.#prng.between(0, this.#flushMs()), () => {
      if (generation !== this.#generation) return;
      this.#durable = state;
      this.#isFlushing = false;
      for (const done of waiting) done();
      if (this.#waiting.length > 0 && !this.#isFlushing) this.#flushOnce();
    });
  }

  #cache(entries: readonly EpochStart[]): LeaderEpochCache {
    return new LeaderEpochCache(
      [...entries],
      () => this.logEndOffset,
      () => {},
    );
  }
}
