import { assert } from '@edgelog/base';
import { StoredDamageError } from '@edgelog/log';
import type { DivergenceReason, Gap, NewRunReason, Position, RefusalCode, UplinkStream } from '@edgelog/sync';
import { readBatchHeader, restampProducer } from '@edgelog/wire';
import type { EdgeStream } from './edge-stream.ts';
import { ReplayWindow } from './replay-window.ts';
import type { StreamState } from './stream-state.ts';

export interface UplinkStreamHost {
  newProducerId(): number;
  /** The position moved: write the state with one of the next commits. */
  positionMoved(): void;
  /** Write the state with the next commit: it frees what lies below the position. */
  freeing(): void;
  /** Writes the stream's state, and the gap if there is one; resolves when both are on disk. */
  runStarted(gap: Gap | undefined): Promise<void>;
  /** What cannot be read is lost to the hub: declare the gap and write the state with the next commit. */
  quarantined(gap: Gap, reason: string): void;
  diverged(reason: DivergenceReason, gap: Gap | undefined): void;
  refused(code: RefusalCode, message: string): void;
}

/** A stream as the uplink sees it: its current run, what may travel, and what the hub has acknowledged. */
export class EdgeUplinkStream implements UplinkStream {
  readonly #stream: EdgeStream;
  readonly #state: StreamState;
  readonly #host: UplinkStreamHost;
  readonly #window: ReplayWindow;
  #isRestarting = false;

  constructor(stream: EdgeStream, state: StreamState, replayBytes: number, host: UplinkStreamHost) {
    this.#stream = stream;
    this.#state = state;
    this.#host = host;
    this.#window = new ReplayWindow(replayBytes);
    if (state.acked === null) return;
    const { next } = state.acked;
    this.#advanceLogStart(this.#window.advance(next, this.#bytesBetween(this.logStartOffset, next)));
  }

  get run() {
    const { logId, topic, run } = this.#state;
    return { ...run, logId, topic };
  }

  /** The new run is not on disk yet: it must not be seen. */
  get isRestarting(): boolean {
    return this.#isRestarting;
  }

  get logStartOffset(): number {
    return this.#stream.log.logStartOffset;
  }

  get sealedEndOffset(): number {
    return this.#stream.log.flushedEndOffset;
  }

  get acked(): Position | undefined {
    return this.#state.acked ?? undefined;
  }

  /** One past the last offset that a hub holds for sure; the run's start while nothing of it was acknowledged. */
  get ackedOffset(): number {
    return this.#state.acked?.next ?? this.#state.run.firstOffset;
  }

  /** When the oldest reading was taken that no hub has acknowledged, ms. */
  oldestUnackedTimestamp(): number | undefined {
    const offset = Math.max(this.ackedOffset, this.logStartOffset);
    if (offset >= this.sealedEndOffset) return this.#stream.oldestUnsealed;
    const batch = this.#batchAt(offset);
    return batch === undefined ? undefined : readBatchHeader(batch).baseTimestamp;
  }

  /** Throws StoredDamageError; where everything before it is acknowledged, what is damaged has been left out when it does. */
  read(offset: number, maxBytes: number): Buffer[] {
    if (offset >= this.sealedEndOffset) return [];
    try {
      const { batches } = this.#stream.log.read(offset, { maxBytes });
      return batches.map((batch) => this.#underCurrentRun(batch));
    } catch (error) {
      if (error instanceof StoredDamageError && offset <= this.ackedOffset) this.#leaveOut(offset, error);
      throw error;
    }
  }

  crcEndingAt(next: number): number | undefined {
    try {
      const header = this.#stream.log.batchEndingAt(next - 1);
      if (header === undefined || header.producerId === this.#state.run.producerId) return header?.crc;
      const batch = this.#batchAt(header.baseOffset);
      return batch === undefined ? undefined : readBatchHeader(this.#underCurrentRun(batch)).crc;
    } catch (error) {
      if (error instanceof StoredDamageError) return undefined; // no batch to compare with
      throw error;
    }
  }

  acknowledge(position: Position): void {
    assert(
      position.next <= this.sealedEndOffset,
      `acknowledged ${position.next}, sealed ${this.sealedEndOffset}`,
    );
    const before = this.ackedOffset;
    if (this.#state.acked !== null && position.next <= before) return;
    this.#state.acked = { next: position.next, crc: position.crc };
    const bytes = this.#bytesBetween(Math.max(before, this.logStartOffset), position.next);
    this.#free(this.#window.advance(position.next, bytes));
    this.#host.positionMoved();
  }

  /** Gives up the replay window: the disk is needed. */
  releaseReplay(): void {
    this.#free(this.#window.release());
  }

  async startNewRun(reason: NewRunReason, hub: Position | undefined): Promise<Gap | undefined> {
    const state = this.#state;
    const { logId, topic } = state;
    const start = this.logStartOffset;
    let gap: Gap | undefined;
    if (reason === 'hub-lost-data') {
      // A hub that holds nothing of this run holds nothing of the earlier ones either.
      const from = hub?.next ?? state.heldFrom;
      if (from < start) gap = { logId, topic, from, to: start, reason };
      if (hub === undefined) state.heldFrom = start;
      state.run = { producerId: this.#host.newProducerId(), firstOffset: start };
    } else {
      state.run = { producerId: this.#host.newProducerId(), firstOffset: Math.max(start, this.ackedOffset) };
    }
    state.acked = null;
    this.#window.clear();
    this.#isRestarting = true;
    if (reason !== 'dropped') this.#host.diverged(reason, gap);
    await this.#host.runStarted(gap);
    this.#isRestarting = false;
    return gap;
  }

  refused(code: RefusalCode, message: string): void {
    this.#host.refused(code, message);
  }

  /**
   * Nothing that is damaged travels, and nothing must wait behind it for ever: the log begins after it, which opens a new run
   * (R12), and the hub is told of the gap.
   */
  #leaveOut(from: number, { damage }: StoredDamageError): void {
    const { logId, topic } = this.#state;
    const to = Math.min(damage.endOffset, this.sealedEndOffset);
    this.#host.quarantined({ logId, topic, from, to, reason: 'quarantined' }, damage.reason);
    this.#window.clear();
    this.#advanceLogStart(to);
  }

  /** Undefined where it cannot be read. */
  #batchAt(offset: number): Buffer | undefined {
    try {
      return this.#stream.log.read(offset, { maxBytes: 1 }).batches[0];
    } catch (error) {
      if (error instanceof StoredDamageError) return undefined;
      throw error;
    }
  }

  /** Batches sealed before the current run began carry an earlier producer id. */
  #underCurrentRun(batch: Buffer): Buffer {
    const { producerId } = this.#state.run;
    return readBatchHeader(batch).producerId === producerId ? batch : restampProducer(batch, producerId);
  }

  #bytesBetween(from: number, to: number): number {
    const { log } = this.#stream;
    return Math.max(0, log.sizeBytesFrom(from) - log.sizeBytesFrom(to));
  }

  #free(offset: number | undefined): void {
    if (offset === undefined || offset <= this.logStartOffset) return;
    this.#host.freeing();
    this.#advanceLogStart(offset);
  }

  #advanceLogStart(offset: number | undefined): void {
    if (offset !== undefined && offset > this.logStartOffset) this.#stream.log.advanceLogStart(offset);
  }
}
