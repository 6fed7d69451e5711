import type { BatchHeader } from '@edgelog/wire';
import { producerKey, producersThroughKey } from './keys.ts';
import { ProducerRewind } from './producer-rewind.ts';
import { advanceProducer, isExpired } from './producer-state.ts';
import { encodeNumber, encodeProducer } from './rows.ts';
import type { RowWrite } from './segment.ts';
import type { ProducerState } from './types.ts';

/** States of the producers of one partition, and which of their rows are to be written. */
export class ProducerTable {
  readonly #states: Map<number, ProducerState>;
  #dirty = new Set<number>();
  /** Below this the states are the leader's; 0 where they follow from what was appended here. */
  #through: number;
  #isThroughDirty = false;

  constructor(states: Map<number, ProducerState>, through: number) {
    this.#states = states;
    this.#through = through;
  }

  get through(): number {
    return this.#through;
  }

  get(producerId: number): ProducerState | undefined {
    return this.#states.get(producerId);
  }

  values(): Iterable<ProducerState> {
    return this.#states.values();
  }

  /** The batch was appended. */
  advance(header: BatchHeader, appendTime: number): void {
    const { producerId, baseSequence, baseOffset } = header;
    if (producerId < 0 || baseSequence < 0 || baseOffset < this.#through) return;
    this.#set(producerId, advanceProducer(this.#states.get(producerId), header, appendTime));
  }

  /** These are the states from all batches below `through`, or, where that is 0, from all that is here. */
  adopt(states: Iterable<ProducerState>, through: number): void {
    const adopted = [...states];
    this.markAllDirty();
    this.#states.clear();
    for (const state of adopted) this.#set(state.producerId, state);
    this.#setThrough(through);
  }

  /** The log has come as far as the states. */
  own(): void {
    this.#setThrough(0);
  }

  /**
   * The states as they were before the batches from `endOffset` on, of the producers of those. `headersBelow` gives the headers of the log
   * below an offset, newest first. Changes nothing: that is for `restore`.
   */
  before(
    endOffset: number,
    headersBelow: (offset: number) => Iterable<BatchHeader>,
  ): ReadonlyMap<number, ProducerState | undefined> {
    const rewinds = new Map<number, ProducerRewind>();
    for (const state of this.#states.values()) {
      const newest = state.batches.at(-1);
      if (newest === undefined || newest.baseOffset < endOffset) continue;
      rewinds.set(state.producerId, new ProducerRewind(state, endOffset));
    }
    const waiting = new Set([...rewinds.values()].filter(({ isDone }) => !isDone));
    if (waiting.size > 0) {
      const from = [...waiting].reduce((max, rewind) => Math.max(max, rewind.from), 0);
      for (const header of headersBelow(from)) {
        const rewind = rewinds.get(header.producerId);
        rewind?.visit(header);
        if (rewind?.isDone && waiting.delete(rewind) && waiting.size === 0) break;
      }
    }
    return new Map([...rewinds].map(([producerId, { state }]) => [producerId, state]));
  }

  restore(states: ReadonlyMap<number, ProducerState | undefined>): void {
    for (const [producerId, state] of states) this.#set(producerId, state);
  }

  /** All rows go into the next commit. */
  markAllDirty(): void {
    for (const producerId of this.#states.keys()) this.#dirty.add(producerId);
    this.#isThroughDirty ||= this.#through > 0;
  }

  /** The rows that changed since the last commit. */
  collect(partitionId: number, rows: RowWrite[]): void {
    for (const producerId of this.#dirty) {
      const state = this.#states.get(producerId);
      rows.push([producerKey(partitionId, producerId), state && encodeProducer(state)]);
    }
    if (this.#isThroughDirty) {
      const through = this.#through > 0 ? encodeNumber(this.#through) : undefined;
      rows.push([producersThroughKey(partitionId), through]);
    }
    this.#written();
  }

  /** All rows, for a new segment. What expired is forgotten. */
  snapshot(partitionId: number, rows: RowWrite[], now: number): void {
    for (const state of this.#states.values()) {
      if (isExpired(state, now)) this.#states.delete(state.producerId);
    }
    this.#written();
    this.markAllDirty();
    this.collect(partitionId, rows);
  }

  /** What takes all rows away, those too that would go with the next commit. */
  removals(partitionId: number): RowWrite[] {
    const producerIds = new Set([...this.#states.keys(), ...this.#dirty]);
    const keys = [...producerIds].map((producerId) => producerKey(partitionId, producerId));
    return [...keys, producersThroughKey(partitionId)].map((key) => [key, undefined]);
  }

  #set(producerId: number, state: ProducerState | undefined): void {
    if (state === undefined) this.#states.delete(producerId);
    else this.#states.set(producerId, state);
    this.#dirty.add(producerId);
  }

  #setThrough(offset: number): void {
    this.#isThroughDirty ||= offset !== this.#through;
    this.#through = offset;
  }

  #written(): void {
    if (this.#dirty.size > 0) this.#dirty = new Set();
    this.#isThroughDirty = false;
  }
}
