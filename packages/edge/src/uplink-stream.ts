import { assert } from '@edgelog/base';
import { StoredDamageError } from '@edgelog/log';
import type { DivergenceReason, Gap, NewRunReason, Position, RefusalCode, RefusedBatch } from '@edgelog/sync';
import { readBatchHeader } from '@edgelog/wire';
import type { EdgeStream } from './edge-stream.ts';
import { ReplayWindow } from './replay-window.ts';
import {
  ackedOffset,
  acknowledge,
  currentRun,
  forgetRuns,
  isDrained,
  type LostRange,
  leaveOut,
  openLane,
  type Run,
  replaceRun,
  settledOffset,
} from './runs.ts';
import type { StreamState } from './stream-state.ts';
import { UplinkRun, type UplinkRunHost } from './uplink-run.ts';
import { MAY_BE_SENT_BYTES } from './uplink-sent.ts';

/** A batch that a hub never takes, to be kept elsewhere. */
export interface PoisonBatch {
  topic: string;
  logId: string;
  producerId: number;
  firstOffset: number;
  lastOffset: number;
  code: RefusalCode;
  message: string;
  batch: Buffer;
}

export interface UplinkStreamHost {
  newProducerId(): number;
  /** The position moved: write the state with one of the next commits. */
  positionMoved(): void;
  /** Write the state with the next commit: it frees what lies below the position. */
  freeing(): void;
  /** Writes the stream's state, and the gap if there is one; resolves when both are on disk. */
  runStarted(gap: Gap | undefined): Promise<void>;
  /** What cannot be read is lost to the hub. */
  quarantined(gap: Gap, reason: string): void;
  diverged(reason: DivergenceReason, gap: Gap | undefined, newRunFrom: number): void;
  /** Keeps the batch; durable when resolved. Rejects with EdgelogError where there is no room, or no place for it. */
  keepAside(poison: PoisonBatch): Promise<void>;
  refused(code: RefusalCode, message: string): void;
  /** No run of the stream is refused any more. */
  accepted(): void;
}

export interface Backlog {
  /** Stored bytes of the current run that are sealed and not acknowledged. */
  bytes: number;
  /** When the oldest of them was taken, ms; undefined where there are none. */
  since: number | undefined;
}

/** Runs of which nothing is left here that are still compared with the hub, so that it does not lose them unnoticed. */
const PAST_RUNS_KEPT = 8;
const DROPPED_CRCS_KEPT = 1024;
/** Batches whose time is remembered: the oldest of the stream and of its lanes. */
const TIMES_KEPT = 4;

/** A stream as the uplink sees it: its runs, what may travel of each, and what the hub has acknowledged. */
export class EdgeUplinkStream {
  readonly #stream: EdgeStream;
  readonly #state: StreamState;
  readonly #host: UplinkStreamHost;
  readonly #window: ReplayWindow;
  readonly #views = new Map<number, UplinkRun>();
  /** Runs that are not on disk yet: no hub may hear of them, for after a crash they would be others. */
  readonly #hidden = new Set<number>();
  readonly #refused = new Set<number>();
  /** Base timestamps by offset: who asks often must not cost a batch that is read each time. */
  readonly #times = new Map<number, number>();
  readonly #runHost: UplinkRunHost;
  #settled: number;

  constructor(
    stream: EdgeStream,
    state: StreamState,
    options: { replayBytes: number; priority: () => number },
    host: UplinkStreamHost,
  ) {
    this.#stream = stream;
    this.#state = state;
    this.#host = host;
    const { logId, topic } = state;
    this.#runHost = { logId, topic, priority: options.priority, ...this.#answers };
    this.#window = new ReplayWindow(options.replayBytes);
    this.#settled = this.logStartOffset;
    this.#settle(false);
  }

  /** The runs that the uplink may tell a hub of. */
  *runs(): Iterable<UplinkRun> {
    for (const run of this.#state.runs) {
      if (this.#hidden.has(run.producerId)) continue;
      let view = this.#views.get(run.producerId);
      if (view === undefined) {
        view = new UplinkRun(this.#stream, run, this.#runHost);
        this.#views.set(run.producerId, view);
      }
      yield view;
    }
  }

  get logStartOffset(): number {
    return this.#stream.log.logStartOffset;
  }

  get sealedEndOffset(): number {
    return this.#stream.log.flushedEndOffset;
  }

  /** Below this a hub holds everything, or it is lost and declared. */
  get ackedOffset(): number {
    return settledOffset(this.#state);
  }

  /** Offsets and stored bytes that no hub has acknowledged, of all runs. */
  get unacked(): { records: number; bytes: number } {
    let [records, bytes] = [0, 0];
    for (const run of this.#state.runs) {
      if (isDrained(run)) continue;
      const from = Math.max(ackedOffset(run), this.logStartOffset);
      const end = run.end ?? this.#stream.endOffset;
      records += Math.max(0, end - from);
      bytes += run.end === null ? this.#stream.log.sizeBytesFrom(from) : this.#bytesBetween(from, run.end);
    }
    return { records, bytes };
  }

  /** When the oldest reading was taken that no hub has acknowledged, ms. */
  oldestUnackedTimestamp(): number | undefined {
    return this.#timestampAt(this.ackedOffset);
  }

  /** What the current run has to send. */
  backlog(): Backlog {
    const from = ackedOffset(currentRun(this.#state));
    return {
      bytes: this.#stream.log.sizeBytesFrom(from),
      since: from < this.sealedEndOffset ? this.#timestampAt(from) : undefined,
    };
  }

  /** Runs that have something to send. */
  get lanes(): number {
    return this.#state.runs.filter((run) => !isDrained(run)).length;
  }

  /** What comes from now on travels beside what piled up. False where that cannot be begun now. */
  openLane(): boolean {
    const at = this.#stream.openBatchOffset;
    if (at <= ackedOffset(currentRun(this.#state)) || at > this.#stream.log.tailEndOffset) return false;
    openLane(this.#state, at, this.#host.newProducerId());
    void this.#started([currentRun(this.#state).producerId], undefined).catch(() => {}); // the store has failed, and says so
    return true;
  }

  /** Gives up the replay window: the disk is needed. */
  releaseReplay(): void {
    this.#free(this.#window.release());
  }

  /**
   * The policy drops what is below `offset`, acknowledged or not. What of it never reached the hub is declared when the hub has said what it
   * holds (R12).
   */
  dropTo(offset: number): void {
    this.#rememberCrcs(offset);
    this.#window.clear();
    this.#free(offset);
  }

  readonly #answers: Omit<UplinkRunHost, 'logId' | 'topic' | 'priority'> = {
    run: (producerId) => this.#state.runs.find((run) => run.producerId === producerId),
    droppedCrc: (next) => this.#state.dropped.find((one) => one.next === next)?.crc,
    acknowledge: (run, position) => this.#acknowledge(run, position),
    damaged: (run, offset, error, hub) => this.#leaveOut(run, offset, error, hub),
    replace: (run, reason, hub) => this.#replace(run, reason, hub),
    setAside: (run, refused, hub) => this.#setAside(run, refused, hub),
    refused: ({ producerId }, code, message) => {
      this.#refused.add(producerId);
      this.#host.refused(code, message);
    },
  };

  #acknowledge(run: Run, position: Position): void {
    assert(
      position.next <= Math.min(run.end ?? Number.POSITIVE_INFINITY, this.sealedEndOffset),
      `acknowledged ${position.next}, sealed ${this.sealedEndOffset}, run ends ${run.end}`,
    );
    if (!acknowledge(run, position)) return;
    this.#nowAccepted(run.producerId);
    this.#settle(true);
    this.#host.positionMoved();
  }

  async #replace(run: Run, reason: NewRunReason, hub: Position | undefined): Promise<Gap | undefined> {
    const producerId = this.#host.newProducerId();
    const { logStartOffset } = this;
    const gap = this.#gap(replaceRun(this.#state, run, { reason, hub, logStartOffset, producerId }));
    const isOfRun = (next: number) => next > run.firstOffset && (run.end === null || next <= run.end);
    this.#state.dropped = this.#state.dropped.filter(({ next }) => !isOfRun(next));
    const fresh = this.#state.runs.find((one) => one.producerId === producerId);
    if (reason !== 'dropped') this.#host.diverged(reason, gap, fresh?.firstOffset ?? run.end ?? 0);
    this.#replaced(run);
    await this.#started([producerId], gap);
    return gap;
  }

  async #setAside(
    run: Run,
    { offset, code, message }: RefusedBatch,
    hub: Position | undefined,
  ): Promise<Gap | undefined> {
    const [batch] = this.#stream.log.read(offset, { maxBytes: 1 }).batches;
    assert(batch !== undefined, `nothing is left to set aside at offset ${offset}`);
    const { baseOffset: firstOffset, lastOffset } = readBatchHeader(batch);
    const { logId, topic } = this.#state;
    await this.#host.keepAside({
      ...{ topic, logId, producerId: run.producerId, firstOffset, lastOffset, code, message, batch },
    });
    return this.#cut(run, { from: firstOffset, to: lastOffset + 1, reason: 'refused' }, hub);
  }

  /** Nothing that is damaged travels, and nothing must wait behind it for ever. */
  #leaveOut(run: Run, from: number, { damage }: StoredDamageError, hub: Position | undefined): void {
    const { logId, topic } = this.#state;
    const to = Math.min(damage.endOffset, this.sealedEndOffset, run.end ?? Number.POSITIVE_INFINITY);
    this.#host.quarantined({ logId, topic, from, to, reason: 'quarantined' }, damage.reason);
    void this.#cut(run, { from, to, reason: 'quarantined' }, hub).catch(() => {}); // the store has failed, and says so
  }

  /** The run goes on behind what is lost as another one; the hub has all before it, at position `hub`. */
  async #cut(run: Run, lost: LostRange, hub: Position | undefined): Promise<Gap | undefined> {
    const producerId = this.#host.newProducerId();
    leaveOut(this.#state, run, lost, { hub, producerId });
    const gap = this.#gap(lost);
    this.#replaced(run);
    await this.#started([producerId], gap);
    return gap;
  }

  /** Hides new runs until they are on disk. */
  async #started(producerIds: readonly number[], gap: Gap | undefined): Promise<void> {
    for (const producerId of producerIds) this.#hidden.add(producerId);
    await this.#host.runStarted(gap);
    for (const producerId of producerIds) this.#hidden.delete(producerId);
  }

  #replaced({ producerId }: Run): void {
    this.#nowAccepted(producerId);
    this.#settle(true);
  }

  #nowAccepted(producerId: number): void {
    if (this.#refused.delete(producerId) && this.#refused.size === 0) this.#host.accepted();
  }

  #gap(range: LostRange | undefined): Gap | undefined {
    const { logId, topic } = this.#state;
    return range && { logId, topic, ...range };
  }

  /** Frees what is settled, but for the replay window. */
  #settle(isRunning: boolean): void {
    const settled = this.ackedOffset;
    if (settled < this.#settled) this.#window.clear();
    const before = this.#settled;
    this.#settled = settled;
    if (settled <= before) return;
    const bytes = this.#bytesBetween(Math.max(before, this.logStartOffset), settled);
    const freed = this.#window.advance(settled, bytes);
    if (isRunning) this.#free(freed);
    else this.#advanceLogStart(freed);
    this.#forget();
  }

  #forget(): void {
    forgetRuns(this.#state, this.logStartOffset, PAST_RUNS_KEPT);
    for (const producerId of this.#views.keys()) {
      if (!this.#state.runs.some((run) => run.producerId === producerId)) this.#views.delete(producerId);
    }
  }

  #rememberCrcs(below: number): void {
    const settled = this.ackedOffset;
    const dropped: Position[] = this.#state.dropped.filter(({ next }) => next > settled);
    for (const run of this.runs()) {
      const known = new Map<number, number>();
      for (const { next, crc } of run.sent)
        if (this.logStartOffset < next && next <= below) known.set(next, crc);
      for (const { next, crc } of this.#mayBeSent(run, below)) known.set(next, crc);
      const inOrder = [...known].sort(([a], [b]) => a - b);
      dropped.push(...inOrder.map(([next, crc]) => ({ next, crc })));
    }
    this.#state.dropped = dropped.slice(0, DROPPED_CRCS_KEPT);
  }

  /** Ends of batches below `below` that can be read and that a process before this one may have sent. */
  *#mayBeSent(run: UplinkRun, below: number): Generator<Position> {
    let offset = Math.max(run.acked?.next ?? run.run.firstOffset, this.logStartOffset);
    for (let bytes = 0; offset < Math.min(below, run.sealedEndOffset) && bytes < MAY_BE_SENT_BYTES; ) {
      const found = this.#batchAt(offset);
      if (found instanceof StoredDamageError) {
        offset = found.damage.endOffset;
        continue;
      }
      if (found === undefined) break;
      offset = readBatchHeader(found).lastOffset + 1;
      bytes += found.length;
      const crc = run.crcEndingAt(offset);
      if (crc !== undefined) yield { next: offset, crc };
    }
  }

  #timestampAt(from: number): number | undefined {
    const offset = Math.max(from, this.logStartOffset);
    if (offset >= this.sealedEndOffset) return this.#stream.oldestUnsealed;
    const known = this.#times.get(offset);
    if (known !== undefined) return known;
    const found = this.#batchAt(offset);
    if (found === undefined || found instanceof StoredDamageError) return undefined;
    const { baseTimestamp } = readBatchHeader(found);
    this.#times.set(offset, baseTimestamp);
    if (this.#times.size > TIMES_KEPT) this.#times.delete(this.#times.keys().next().value!);
    return baseTimestamp;
  }

  /** Undefined where nothing is sealed. */
  #batchAt(offset: number): Buffer | StoredDamageError | undefined {
    try {
      return this.#stream.log.read(offset, { maxBytes: 1 }).batches[0];
    } catch (error) {
      if (error instanceof StoredDamageError) return error;
      throw error;
    }
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
