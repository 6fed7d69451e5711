import { assert } from '@edgelog/base';
import { foreignBatch, outOfOrder, type Position, type Refusal, refuse } from '@edgelog/sync';
import type { BatchHeader } from '@edgelog/wire';
import type { Produced } from './cluster.ts';
import { hasRoom } from './depth.ts';
import { Handover } from './handover.ts';
import { LEASE_MS, UNVERIFIED_MAX } from './limits.ts';
import { refusalOf } from './refusal.ts';

/** One sealed batch on its way. */
export interface RunBatch {
  readonly bytes: Buffer;
  /** Its own end and CRC: where the run stands once it is committed. */
  readonly position: Position;
  readonly records: number;
  readonly maxTimestamp: number;
  readonly settle: (outcome: Position | Refusal) => void;
}

/** What a session of a run begins with: as its opening found it. */
export interface RunStart {
  readonly producerId: number;
  /** `topic-partition`, for messages. */
  readonly where: string;
  readonly next: number;
  /** For how long the cluster remembers a producer after the time of its newest record; undefined: by the time of the append. */
  readonly expirationMs: number | undefined;
  /** Records without a key are refused. */
  readonly isCompacted: boolean;
  /** Monotonic, when the opening was written. */
  readonly leasedAt: number;
}

interface Done {
  readonly batch: RunBatch;
  readonly outcome: Position | Refusal;
  /** Offset in the partition behind it. */
  readonly endOffset: number;
}

export interface Clocks {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: number;
}

/**
 * One opening of a run: its batches in order, how many of them may be under way, and what becomes of them. Pure: told of everything, it
 * answers what to send. The first outcome that is not "committed" ends it: all that follows is settled as not-available.
 */
export class RunSession {
  readonly #start: RunStart;
  #next: number;
  #waiting: RunBatch[] = [];
  readonly #inFlight: RunBatch[] = [];
  /** Outcomes that nobody was told yet, in order: what is committed is told once it is sure that nobody else has the run. */
  readonly #done: Done[] = [];
  #ending: Refusal | undefined;
  #leasedAt: number;
  /** Time of the newest record of the last committed batch; undefined before the first. */
  #committedTimestamp: number | undefined;
  #lastEndOffset = -1;
  /** Monotonic, when nobody else was found to have the run. */
  #mineAt: number;
  /** What was sent after a pause goes alone until it is verified: another session may have opened the run, and sent the same sequences. */
  #isAlone = false;
  #hasUnknown = false;
  /** One batch at a time, and none before it is verified that the last is ours. */
  isCautious = false;
  #whenIdle: (() => void)[] = [];
  readonly handover = new Handover();

  constructor(start: RunStart) {
    this.#start = start;
    this.#next = start.next;
    this.#leasedAt = start.leasedAt;
    this.#mineAt = start.leasedAt;
  }

  get ending(): Refusal | undefined {
    return this.#ending;
  }

  /** Something was sent whose fate is not known: it may still come to the log. */
  get hasUnknown(): boolean {
    return this.#hasUnknown;
  }

  get inFlight(): { batches: number; bytes: number } {
    let bytes = 0;
    for (const { bytes: sealed } of this.#inFlight) bytes += sealed.length;
    for (const { bytes: sealed } of this.#waiting) bytes += sealed.length;
    return { batches: this.#inFlight.length + this.#waiting.length, bytes };
  }

  /** Nothing waits, is under way, or is to be told. */
  get isIdle(): boolean {
    return this.#waiting.length + this.#inFlight.length + this.#done.length === 0;
  }

  /** The first of them, oldest first. */
  done(count: number): { position: Position; endOffset: number; records: number }[] {
    return this.#done
      .slice(0, count)
      .flatMap(({ batch: { records }, outcome, endOffset }) =>
        'ok' in outcome ? [] : [{ position: outcome, endOffset, records }],
      );
  }

  /** Commits wait to be told until `verified` says for how many nobody else has the run. */
  get doneCount(): number {
    return this.#done.length;
  }

  /** What was done should not wait for more: nothing else is under way, or half of what may be. */
  get isLookDue(): boolean {
    return this.#inFlight.length === 0 || this.#done.length >= UNVERIFIED_MAX / 2;
  }

  /** Why the batch is not the run's next; undefined when it was taken. */
  take(batch: RunBatch, header: BatchHeader): Refusal | undefined {
    if (this.#ending !== undefined) return this.#ending;
    const { producerId } = this.#start;
    const foreign = foreignBatch(header, producerId);
    if (foreign !== undefined) return foreign;
    if (header.recordCount !== header.lastOffsetDelta + 1) {
      return refuse(
        'corrupt-batch',
        `${header.recordCount} records in ${header.lastOffsetDelta + 1} offsets`,
      );
    }
    const misplaced = outOfOrder(header, this.#next);
    if (misplaced !== undefined) return misplaced;
    this.#next += header.recordCount;
    assert(batch.position.next === this.#next, `a batch of run ${producerId} ends at its own end`);
    this.#waiting.push(batch);
    return undefined;
  }

  /** Edge offset of the next batch that is taken. */
  get next(): number {
    return this.#next;
  }

  /** The lease is over: before anything is sent, a record is to be written and read on, and `renewed` called. */
  needsLease({ monotonic }: Clocks): boolean {
    return this.#waiting.length > 0 && this.#ending === undefined && monotonic - this.#leasedAt >= LEASE_MS;
  }

  /** A record of this session was written, which was sent at this time. */
  renewed(sentAt: number): void {
    this.#leasedAt = Math.max(this.#leasedAt, sentAt);
  }

  /** A record says that nothing more will come: from now on nothing is sent before another says otherwise. */
  giveUpLease(): void {
    this.#leasedAt = Number.NEGATIVE_INFINITY;
  }

  /** Batches to send now, in this order. */
  send(clocks: Clocks): RunBatch[] {
    const sent: RunBatch[] = [];
    if (this.#ending !== undefined || clocks.monotonic - this.#leasedAt >= LEASE_MS) return sent;
    while (this.#waiting.length > 0 && this.#hasRoom(clocks)) {
      const batch = this.#waiting.shift()!;
      const isFirst = this.#inFlight.length + this.#done.length === 0;
      if (isFirst && clocks.monotonic - this.#mineAt >= this.handover.agreedMs / 2) this.#isAlone = true;
      this.#inFlight.push(batch);
      sent.push(batch);
    }
    return sent;
  }

  #hasRoom({ now }: Clocks): boolean {
    return hasRoom({
      inFlight: this.#inFlight.map(({ maxTimestamp }) => maxTimestamp),
      unverified: this.#done.length,
      committed: this.#committedTimestamp,
      isCautious: this.isCautious || this.#isAlone,
      expirationMs: this.#start.expirationMs,
      now,
    });
  }

  /** What became of a batch that was sent; in the order in which they were. */
  answered(batch: RunBatch, produced: Produced): void {
    const index = this.#inFlight.indexOf(batch);
    assert(index >= 0, 'an answer is to a batch in flight');
    this.#inFlight.splice(index, 1);
    if (produced.outcome === 'unknown') this.#hasUnknown = true;
    if (this.#ending === undefined) this.#judge(batch, produced, index);
    // It is told already, or what came before it is not known: opening the run again tells.
    else this.#done.push({ batch, outcome: this.#ending, endOffset: -1 });
    this.#tellRefusals();
    if (this.#inFlight.length === 0) for (const idle of this.#whenIdle.splice(0)) idle();
  }

  #judge(batch: RunBatch, produced: Produced, index: number): void {
    const { where, producerId } = this.#start;
    if (produced.outcome !== 'committed') {
      this.#end(batch, refusalOf(produced, this.#start));
      return;
    }
    const endOffset = produced.baseOffset + batch.records;
    if (index > 0 || produced.baseOffset < this.#lastEndOffset) {
      const message = `run ${producerId}, ${where}: the batch up to ${batch.position.next} was answered with offset ${produced.baseOffset}, out of turn`;
      this.#end(batch, refuse('not-available', message));
      return;
    }
    this.#lastEndOffset = endOffset;
    this.#committedTimestamp = batch.maxTimestamp;
    this.#done.push({ batch, outcome: batch.position, endOffset });
  }

  #end(batch: RunBatch, refusal: Refusal): void {
    const { where } = this.#start;
    const message = `${where}: what was sent before it was ${refusal.code}`;
    this.#ending = refusal.code === 'not-available' ? refusal : refuse('not-available', message);
    this.#done.push({ batch, outcome: refusal, endOffset: -1 });
    this.#dropWaiting();
  }

  /** Ends it: nothing more is taken or sent. What is in flight is waited for by `idle`, and told to nobody as committed. */
  end(refusal: Refusal): void {
    this.#ending ??= refusal;
    for (const done of this.#done.splice(0)) done.batch.settle('ok' in done.outcome ? done.outcome : refusal);
    this.#dropWaiting();
  }

  #dropWaiting(): void {
    const { ending } = this;
    assert(ending !== undefined, 'an ended session says why');
    for (const batch of this.#waiting.splice(0)) this.#done.push({ batch, outcome: ending, endOffset: -1 });
    this.#tellRefusals();
  }

  /**
   * Nobody else had the run when the first `count` of what was done were done, by a look that began at `lookedAt`: they are told. Answers the last committed position of them,
   * and where the partition goes on behind it.
   */
  verified(count: number, lookedAt: number): { position: Position; endOffset: number } | undefined {
    let last: { position: Position; endOffset: number } | undefined;
    this.#mineAt = lookedAt;
    this.#isAlone = false;
    for (const { batch, outcome, endOffset } of this.#done.splice(0, count)) {
      if (!('ok' in outcome)) last = { position: outcome, endOffset };
      batch.settle(outcome);
    }
    this.#tellRefusals();
    return last;
  }

  #tellRefusals(): void {
    for (let first = this.#done[0]; first !== undefined && 'ok' in first.outcome; first = this.#done[0]) {
      this.#done.shift();
      first.batch.settle(first.outcome);
    }
  }

  /** Resolves when the cluster has answered for all that was sent, or nobody waits for it any more. */
  idle(): Promise<void> {
    if (this.#inFlight.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }
}
