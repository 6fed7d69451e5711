import {
  type BatchHeader,
  patchBatchOffset,
  readBatchHeader,
  SEQUENCE_MODULUS,
  stampAppendTime,
} from '@edgelog/wire';

/** Batches of a producer that are remembered, as Kafka has it. */
const REMEMBERED = 5;

interface Stored {
  readonly header: BatchHeader;
  readonly bytes: Buffer;
}

interface ProducerState {
  readonly batches: { readonly first: number; readonly last: number; readonly baseOffset: number }[];
  /** Of the last batch. */
  timestamp: number;
}

export type Appended =
  | { readonly ok: true; readonly baseOffset: number; readonly endOffset: number }
  | { readonly ok: false; readonly error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' | 'NOT_ENOUGH_REPLICAS' };

/**
 * One partition of a model of Kafka: its leader's log, what of it is committed, and what the leader knows of producers. By Kafka's rules: an
 * exact repeat of one of the last five batches is answered with its offset, anything else must follow on the last, and a producer that is not
 * known may begin anywhere.
 */
export class ModelPartition {
  readonly isAppendTime: boolean;
  leaderEpoch = 0;
  logStartOffset = 0;
  highWatermark = 0;
  /** So many batches that come next are not taken, as where too few replicas are in sync. */
  refusals = 0;
  /** Replicas do not follow: nothing is committed. */
  isStalled = false;
  #log: Stored[] = [];
  readonly #producers = new Map<number, ProducerState>();
  #waiting: { readonly endOffset: number; readonly settle: (isCommitted: boolean) => void }[] = [];

  constructor(isAppendTime: boolean) {
    this.isAppendTime = isAppendTime;
  }

  get logEndOffset(): number {
    const last = this.#log.at(-1);
    return last === undefined ? this.logStartOffset : last.header.lastOffset + 1;
  }

  get producers(): ReadonlyMap<number, { lastSequence: number; epoch: number }> {
    const known = new Map<number, { lastSequence: number; epoch: number }>();
    for (const [id, { batches }] of this.#producers)
      known.set(id, { lastSequence: batches.at(-1)!.last, epoch: 0 });
    return known;
  }

  append(sealed: Buffer, now: number): Appended {
    if (this.refusals > 0) {
      this.refusals--;
      return { ok: false, error: 'NOT_ENOUGH_REPLICAS' };
    }
    const bytes = Buffer.from(sealed);
    const { producerId, baseSequence: first, recordCount, maxTimestamp } = readBatchHeader(bytes);
    const last = (first + recordCount - 1) % SEQUENCE_MODULUS;
    const known = this.#producers.get(producerId);
    if (producerId >= 0 && known !== undefined) {
      const repeat = known.batches.find((batch) => batch.first === first && batch.last === last);
      if (repeat !== undefined) {
        const { baseOffset } = repeat;
        return { ok: true, baseOffset, endOffset: baseOffset + recordCount };
      }
      const next = (known.batches.at(-1)!.last + 1) % SEQUENCE_MODULUS;
      if (first !== next) return { ok: false, error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' };
    }
    const baseOffset = this.logEndOffset;
    if (this.isAppendTime) stampAppendTime(bytes, now);
    patchBatchOffset(bytes, 0, baseOffset, this.leaderEpoch);
    this.#log.push({ header: readBatchHeader(bytes), bytes });
    if (producerId >= 0)
      this.#remember(producerId, first, last, baseOffset, this.isAppendTime ? now : maxTimestamp);
    return { ok: true, baseOffset, endOffset: baseOffset + recordCount };
  }

  #remember(producerId: number, first: number, last: number, baseOffset: number, timestamp: number): void {
    const state = this.#producers.get(producerId) ?? { batches: [], timestamp };
    state.batches.push({ first, last, baseOffset });
    if (state.batches.length > REMEMBERED) state.batches.shift();
    state.timestamp = timestamp;
    this.#producers.set(producerId, state);
  }

  /** Told once: true when all before the offset is committed, false when the leader is another one before that. */
  whenCommitted(endOffset: number, settle: (isCommitted: boolean) => void): void {
    if (endOffset <= this.highWatermark) settle(true);
    else this.#waiting.push({ endOffset, settle });
  }

  /** Replicas have all of the log. */
  commit(): void {
    if (this.isStalled) return;
    this.highWatermark = this.logEndOffset;
    for (const { settle } of this.#waiting.splice(0)) settle(true);
  }

  /** Another leader, which has all that is committed, and so many batches of the rest. */
  elect(extra: number): void {
    this.leaderEpoch++;
    let kept = 0;
    this.#log = this.#log.filter(({ header }) => header.lastOffset < this.highWatermark || kept++ < extra);
    const before = new Map(this.#producers);
    this.#producers.clear();
    // Retention takes nothing of what replicas know of producers.
    for (const [id, { batches, timestamp }] of before) {
      for (const { first, last, baseOffset } of batches) {
        if (baseOffset < this.logStartOffset) this.#remember(id, first, last, baseOffset, timestamp);
      }
    }
    for (const { header } of this.#log) {
      const { producerId, baseSequence, recordCount, baseOffset, maxTimestamp } = header;
      if (producerId < 0 || !before.has(producerId)) continue;
      const last = (baseSequence + recordCount - 1) % SEQUENCE_MODULUS;
      this.#remember(producerId, baseSequence, last, baseOffset, maxTimestamp);
    }
    for (const { settle } of this.#waiting.splice(0)) settle(false);
  }

  /** Forgets producers whose newest record is older. */
  expire(olderThan: number, isSpared: (producerId: number) => boolean = () => false): void {
    for (const [id, { timestamp }] of this.#producers) {
      if (timestamp < olderThan && !isSpared(id)) this.#producers.delete(id);
    }
  }

  /** Retention: what is committed before the offset goes. */
  trim(offset: number): void {
    this.#log = this.#log.filter(({ header }) => header.lastOffset >= Math.min(offset, this.highWatermark));
    this.logStartOffset = this.#log[0]?.header.baseOffset ?? this.highWatermark;
  }

  /** First offset whose record time is that or later. */
  offsetAt(timestamp: number): number | undefined {
    return this.#log.find(({ header }) => header.maxTimestamp >= timestamp)?.header.baseOffset;
  }

  /** All of the log, committed or not. */
  get log(): readonly Stored[] {
    return this.#log;
  }
}
