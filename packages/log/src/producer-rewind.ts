import { assert } from '@edgelog/base';
import type { BatchHeader } from '@edgelog/wire';
import { advanceProducer, BATCHES_KEPT, keptBatch, recordsOf, sequenceAfter } from './producer-state.ts';
import type { ProducerState } from './types.ts';

/**
 * One producer's state as it was before its batches from `endOffset` on. Where none of the batches kept in the state lies below, the
 * log's own are to be shown, newest first from `from` on, until it is done; what retention or compaction took away is missing in
 * `batches` alone.
 */
export class ProducerRewind {
  /** The state knows its batches from here on. */
  readonly from: number;
  readonly #state: ProducerState;
  readonly #endOffset: number;
  /** Records of the producer's last run of sequences that have not been met. */
  #left: number;
  /** Where the oldest batch met of that run begins, */
  #first: number;
  /** and the oldest of those at or above the end. */
  #next: number;
  readonly #batches: ProducerState['batches'];
  /** The state that an earlier run left, which had another epoch. */
  #older: ProducerState | undefined;
  #isDone: boolean;

  constructor(state: ProducerState, endOffset: number) {
    const kept = state.batches.filter(({ baseOffset }) => baseOffset < endOffset);
    const cut = state.batches.slice(kept.length);
    assert(cut.length > 0, `producer ${state.producerId} wrote at or above ${endOffset}`);
    this.from = state.batches[0]!.baseOffset;
    this.#state = state;
    this.#endOffset = endOffset;
    this.#left = cut.reduce((left, batch) => left - recordsOf(batch), state.recordCount);
    this.#first = cut[0]!.firstSequence;
    this.#next = this.#first;
    this.#batches = kept;
    this.#isDone = kept.length > 0 || this.#isFirstRun;
  }

  /** There was no run before, so nothing to be found below. */
  get #isFirstRun(): boolean {
    return this.#left <= 0 && this.#state.producerEpoch === 0;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** The producer's next batch down the log. */
  visit(header: BatchHeader): void {
    if (this.#isDone || header.baseOffset >= this.from) return;
    if (this.#left <= 0) this.#visitOlder(header);
    else if (header.baseOffset >= this.#endOffset) this.#visitCut(header);
    else this.#visitKept(header);
  }

  #visitCut(header: BatchHeader): void {
    if (!this.#isBefore(header, this.#state.producerEpoch, this.#first)) return;
    this.#left -= header.lastOffsetDelta + 1;
    this.#first = header.baseSequence;
    this.#next = header.baseSequence;
    this.#isDone = this.#isFirstRun;
  }

  #visitKept(header: BatchHeader): void {
    const fits = this.#isBefore(header, this.#state.producerEpoch, this.#first);
    if (fits) this.#batches.unshift(keptBatch(header));
    this.#first = header.baseSequence;
    const known = this.#batches.reduce((sum, batch) => sum + recordsOf(batch), 0);
    this.#isDone = !fits || this.#batches.length === BATCHES_KEPT || known >= this.#left;
  }

  #visitOlder(header: BatchHeader): void {
    if (header.baseOffset >= this.#endOffset) return;
    const older = this.#older;
    if (older === undefined) {
      this.#older = advanceProducer(undefined, header, this.#state.lastAppendTime);
      this.#first = header.baseSequence;
    } else if (this.#isBefore(header, older.producerEpoch, this.#first)) {
      older.recordCount += header.lastOffsetDelta + 1;
      if (older.batches.length < BATCHES_KEPT) older.batches.unshift(keptBatch(header));
      this.#first = header.baseSequence;
    } else this.#isDone = true;
  }

  #isBefore(header: BatchHeader, epoch: number, sequence: number): boolean {
    return header.producerEpoch === epoch && sequenceAfter(keptBatch(header)) === sequence;
  }

  /** Undefined where the producer had written nothing. */
  get state(): ProducerState | undefined {
    if (this.#left <= 0) return this.#older;
    return {
      ...this.#state,
      nextSequence: this.#next,
      recordCount: this.#left,
      batches: this.#batches,
    };
  }
}
