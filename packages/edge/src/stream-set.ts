import { type Cancel, EdgelogError, type Timers } from '@edgelog/base';
import type { LogStore } from '@edgelog/log';
import type { DivergenceReason, Gap } from '@edgelog/sync';
import type { Alarms } from './alarms.ts';
import { BatchMemory } from './batch-memory.ts';
import { markUntrusted, type RecordClock } from './clock-types.ts';
import { CommitPace, type CommitPacing } from './commit-pace.ts';
import { type Deferred, deferred } from './deferred.ts';
import type { Disk } from './disk.ts';
import {
  type Append,
  EdgeStream,
  ENCODER_RESERVE_BYTES,
  type SealingOptions,
  type StreamHost,
} from './edge-stream.ts';
import { UnconfirmedGaps } from './gaps.ts';
import { Pressure } from './pressure.ts';
import type { Reading } from './reading.ts';
import { readingBytes } from './reading.ts';
import { type Dropped, RoomMaker } from './room.ts';
import { currentRun } from './runs.ts';
import {
  loadStreamStates,
  newStreamState,
  randomStreamIds,
  type StreamIds,
  type StreamState,
  saveStreamState,
} from './stream-state.ts';
import { TopicPolicies } from './topic-policy.ts';
import { TurnClock } from './turn-clock.ts';
import { EdgeUplinkStream, type PoisonBatch } from './uplink-stream.ts';

export interface StreamSetOptions extends SealingOptions {
  store: LogStore;
  disk: Disk;
  /** Turns that wait for more readings, to spare the disk. Default: none does. */
  pacing?: CommitPacing;
  alarms: Alarms;
  /** Default: all topics reject. */
  policies?: TopicPolicies;
  /** Largest reading: key, value and headers. */
  maxReadingBytes: number;
  replayBytes: number;
  /** Keeps a batch that no hub takes. Default: there is no place for any, and its stream stands still. */
  keepAside?: (poison: PoisonBatch) => Promise<void>;
  clock: RecordClock;
  monotonicMs: () => number;
  timers: Timers;
  ids?: StreamIds;
  /** Whether what has this priority could travel at once. */
  isUplinkLive: (priority: number) => boolean;
  /** Whether what has this priority, and is fresh, would wait nevertheless. Default: it never does. */
  isUplinkCongested?: (priority: number) => boolean;
  /** Something new may travel. */
  onSealed: () => void;
  onDurable: (waitedMs: number) => void;
  onFatal: (error: EdgelogError) => void;
}

export interface Stream {
  edge: EdgeStream;
  uplink: EdgeUplinkStream;
  state: StreamState;
  /** Its run is on disk: only then may a hub hear of it, for after a crash it would be another one. */
  isDurable: boolean;
}

/** An acknowledged position is written with the next readings, or after this time without any. */
const POSITION_SAVE_MS = 1000;
const DISK_CHECK_MS = 250;
const NO_PACING: CommitPacing = { intervalMs: 0, enoughBytes: 0, hastens: false };

/** All streams of this gateway over one store, one per Kafka topic. */
export class StreamSet {
  readonly pressure = new Pressure();
  readonly gaps: UnconfirmedGaps;
  readonly #options: StreamSetOptions;
  readonly #clock: TurnClock;
  readonly #streams = new Map<string, Stream>();
  readonly #moved = new Set<Stream>();
  readonly #turnEnds: (() => void)[] = [];
  /** At the end of this turn of the event loop it is decided when the next one of our own is. */
  #decision: Cancel | undefined;
  /** The next turn of our own, while it waits for more. */
  #turn: Cancel | undefined;
  readonly #pace: CommitPace;
  /** Taken since the last turn. */
  #gatheredBytes = 0;
  /** A batch was compressed that readings wait for. */
  #isUrgent = false;
  #nextTurn: Deferred | undefined;
  #saveTimer: Cancel | undefined;
  #diskTimer: Cancel | undefined;
  #takenBytes = 0;
  readonly #policies: TopicPolicies;
  readonly #room: RoomMaker;
  readonly #memory: BatchMemory;
  readonly #ids: StreamIds;
  /** A batch that is still being compressed is in the log's tail already, and is sealed after the next start. */
  #isClosed = false;
  #failure: EdgelogError | undefined;

  /** Takes up what the store holds. Throws DATA_DIR_INVALID or CORRUPT_BATCH. */
  constructor(options: StreamSetOptions) {
    this.#options = options;
    this.#clock = new TurnClock(options.clock, options.monotonicMs);
    this.#pace = new CommitPace(options.pacing ?? NO_PACING);
    this.#ids = options.ids ?? randomStreamIds;
    this.#policies = options.policies ?? new TopicPolicies();
    this.#memory = new BatchMemory(options.batchBytes + ENCODER_RESERVE_BYTES);
    this.#room = new RoomMaker({ ...options, policies: this.#policies });
    this.gaps = new UnconfirmedGaps(options.store.state);
    for (const state of loadStreamStates(options.store.state)) {
      options.clock.raiseFloor(this.#open(state).edge.clockFloor);
    }
    this.#watchDisk();
  }

  list(): Iterable<Stream> {
    return this.#streams.values();
  }

  /** Bytes of payload taken since the start. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** What of a topic was given up, since the start, before any hub had it. */
  droppedOf(topic: string): Dropped | undefined {
    return this.#room.droppedOf(topic);
  }

  /** Set once the store has failed: nothing is taken any more. */
  get failure(): EdgelogError | undefined {
    return this.#failure;
  }

  /** `run` is called at the end of each turn, before its transaction is complete. */
  onTurnEnd(run: () => void): void {
    this.#turnEnds.push(run);
  }

  /**
   * Takes a reading for a Kafka topic; the offset is assigned at once. Throws LIMIT_EXCEEDED (too large), DISK_FULL,
   * STORE_FAILED or STORE_CLOSED, and then nothing was taken.
   */
  append(topic: string, reading: Reading, alongside?: () => void): Append {
    this.#clock.hold();
    try {
      const marked = markUntrusted(reading, this.#clock);
      this.#admit(topic, marked);
      return this.#take(topic, marked, alongside);
    } finally {
      this.#releaseClock();
    }
  }

  /**
   * Takes several readings at once, or none of them: throws as `append` does. `alongside` runs in the turn that makes the last
   * of them durable. Resolves when all are on disk.
   */
  appendAll(
    readings: readonly { topic: string; reading: Reading }[],
    alongside?: () => void,
  ): { durable: Promise<void> } {
    this.#clock.hold();
    try {
      const marked = readings.map(({ topic, reading }) => ({
        topic,
        reading: markUntrusted(reading, this.#clock),
      }));
      for (const { topic, reading } of marked) this.#admit(topic, reading);
      let waiting = marked.length;
      const last = () => {
        if (--waiting === 0) alongside?.();
      };
      const appends = marked.map(({ topic, reading }) => this.#take(topic, reading, last));
      return { durable: Promise.all(appends.map(({ durable }) => durable)).then(() => {}) };
    } finally {
      this.#releaseClock();
    }
  }

  /** ms of the monotonic clock, as it was when the turn began that is being gathered. */
  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  /** Throws where a reading cannot be taken. */
  #admit(topic: string, reading: Reading): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isClosed) throw new EdgelogError('STORE_CLOSED', 'the agent is stopping');
    const bytes = readingBytes(reading);
    if (bytes > this.#options.maxReadingBytes) {
      throw new EdgelogError(
        'LIMIT_EXCEEDED',
        `${bytes} bytes, the limit is ${this.#options.maxReadingBytes}`,
      );
    }
    const { disk } = this.#options;
    if (disk.isCheckDue(bytes)) this.#checkDisk();
    if (disk.isFull && disk.refuses(this.#policies.of(topic).whenFull)) {
      throw new EdgelogError('DISK_FULL', `the disk is full: nothing more is taken for topic ${topic}`);
    }
  }

  #take(topic: string, reading: Reading, alongside?: () => void): Append {
    this.#takenBytes += reading.value.length;
    const stream = this.#streams.get(topic) ?? this.#open(newStreamState(topic, this.#ids));
    const append = stream.edge.append(reading, alongside);
    this.#pace.took(reading.waiter, append.awaited, this.#clock.monotonicMs());
    this.#requestTurn();
    return append;
  }

  /** Resolves when what the next turn writes is on disk. `waiter` as in `Reading`. */
  committed(waiter?: object): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#nextTurn ??= deferred();
    if (waiter !== undefined) this.#pace.took(waiter, this.#nextTurn, this.#clock.monotonicMs());
    this.#requestTurn();
    return this.#nextTurn.promise;
  }

  /** The uplink is up: what lingers may be sealed. */
  armLinger(): void {
    for (const { edge } of this.#streams.values()) edge.armLinger();
  }

  /** Hands everything over and waits until it is on disk. */
  async flush(): Promise<void> {
    while (this.pressure.pendingBytes > 0 && this.#failure === undefined) await this.committed();
  }

  /** Writes positions and stops all timers. The store stays open. */
  async close(): Promise<void> {
    await this.flush();
    this.#isClosed = true;
    this.#diskTimer?.();
    this.#saveTimer?.();
    this.#decision?.();
    this.#turn?.();
    for (const stream of this.#streams.values()) {
      stream.edge.stopTimers();
      if (this.#failure === undefined) this.#save(stream);
    }
  }

  /** The store failed: everything is refused from now on. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure =
      error instanceof EdgelogError && error.code === 'STORE_FAILED'
        ? error
        : new EdgelogError('STORE_FAILED', 'the log cannot be written', { cause: error });
    this.#options.onFatal(this.#failure);
  }

  /** While the next turn waits for its time and nothing hastens it, there is nothing to decide: to wake for each reading cost as much as to take it. */
  #requestTurn(): void {
    if (this.#isClosed || this.#decision !== undefined) return;
    if (this.#turn !== undefined && this.#waitMs(this.#clock.monotonicMs()) > 0) return;
    this.#decision = this.#options.timers.soon(() => this.#decide());
  }

  #waitMs(nowMs: number): number {
    return this.#isUrgent ? 0 : this.#pace.waitMs(this.#gatheredBytes, nowMs);
  }

  /** The clock goes on where nothing more is gathered before it is decided when to commit. */
  #releaseClock(): void {
    if (this.#decision === undefined) this.#clock.release();
  }

  #decide(): void {
    this.#decision = undefined;
    this.#clock.release();
    const { timers, monotonicMs } = this.#options;
    const waitMs = this.#waitMs(monotonicMs());
    if (waitMs === 0) this.#runTurn();
    else this.#turn ??= timers.after(waitMs, () => this.#runTurn());
  }

  #runTurn(): void {
    this.#turn?.();
    this.#turn = undefined;
    this.#gatheredBytes = 0;
    this.#isUrgent = false;
    this.#pace.committed(this.#options.monotonicMs());
    const turn = this.#nextTurn;
    this.#nextTurn = undefined;
    if (this.#failure !== undefined) {
      turn?.reject(this.#failure);
      return;
    }
    try {
      let handedOver = false;
      for (const { edge } of this.#streams.values()) if (edge.turn()) handedOver = true;
      if (handedOver) this.#savePositions();
      for (const run of this.#turnEnds) run();
      this.#options.store.turnEnds();
    } catch (error) {
      this.fail(error);
    }
    if (turn === undefined) return;
    this.#options.store.flushed().then(() => turn.resolve(this.#options.monotonicMs()), turn.reject);
  }

  #open(state: StreamState): Stream {
    const { store, replayBytes, alarms, keepAside = noPlace } = this.#options;
    const known = store.partition(state.topic);
    const log = known ?? store.createPartition(state.topic);
    if (known === undefined) saveStreamState(store.state, state);
    const edge = new EdgeStream(
      state.topic,
      log,
      state.clockFloor,
      () => currentRun(state),
      this.#options,
      this.#host(state.topic),
    );
    const uplink: EdgeUplinkStream = new EdgeUplinkStream(
      edge,
      state,
      { replayBytes, priority: () => this.#policies.of(state.topic).priority },
      {
        newProducerId: () => this.#ids.producerId(),
        positionMoved: () => this.#positionMoved(stream),
        freeing: () => this.#save(stream),
        runStarted: (gap) => this.#runStarted(stream, gap),
        quarantined: (gap, reason) => this.#quarantined(gap, reason),
        diverged: (reason, gap, from) =>
          alarms.raise(`diverged ${state.topic}`, divergence(state.topic, reason, gap, from), 'events'),
        keepAside,
        refused: (code, message) =>
          alarms.raise(
            `refused ${state.topic}`,
            `the hub refuses stream ${state.topic}: ${code}: ${message}`,
          ),
        accepted: () => alarms.clear(`refused ${state.topic}`),
      },
    );
    const stream: Stream = { edge, uplink, state, isDurable: known !== undefined };
    if (known === undefined)
      store.flushed().then(
        () => {
          stream.isDurable = true;
        },
        () => {}, // the store has failed, and says so
      );
    this.#streams.set(state.topic, stream);
    return stream;
  }

  #host(topic: string): StreamHost {
    const { monotonicMs, timers, isUplinkLive, onSealed, onDurable } = this.#options;
    const { isUplinkCongested = () => false } = this.#options;
    return {
      clock: this.#clock,
      monotonicMs,
      timers,
      memory: this.#memory,
      isUplinkLive: () => isUplinkLive(this.#policies.of(topic).priority),
      isUplinkCongested: () => isUplinkCongested(this.#policies.of(topic).priority),
      requestTurn: (isUrgent) => {
        if (isUrgent) this.#isUrgent = true;
        this.#requestTurn();
      },
      pending: (bytes) => {
        this.#gatheredBytes += bytes;
        this.pressure.add(bytes);
      },
      durable: (bytes, waitedMs) => {
        onDurable(waitedMs);
        this.pressure.remove(bytes);
      },
      sealed: onSealed,
      failed: (error) => this.fail(error),
    };
  }

  #positionMoved(stream: Stream): void {
    this.#moved.add(stream);
    this.#saveTimer ??= this.#options.timers.after(POSITION_SAVE_MS, () => {
      this.#saveTimer = undefined;
      if (this.#failure === undefined) this.#savePositions();
    });
  }

  #savePositions(): void {
    if (this.#moved.size === 0) return;
    for (const stream of this.#moved) this.#save(stream);
    this.#moved.clear();
  }

  #save({ state, edge }: Stream): void {
    state.clockFloor = edge.clockFloor;
    saveStreamState(this.#options.store.state, state);
  }

  async #runStarted(stream: Stream, gap: Gap | undefined): Promise<void> {
    if (gap !== undefined) this.gaps.declare(gap);
    this.#save(stream);
    await this.#options.store.flushed();
    if (gap !== undefined) this.gaps.written(gap);
  }

  #quarantined({ topic, from, to }: Gap, reason: string): void {
    this.#options.alarms.raise(
      `damaged ${topic}`,
      `stream ${topic}: offsets ${from} to ${to - 1} cannot be read and never reach the hub: ${reason}`,
      'events',
    );
  }

  #watchDisk(): void {
    this.#diskTimer = this.#options.timers.after(DISK_CHECK_MS, () => {
      this.#checkDisk();
      this.#watchDisk();
    });
  }

  #checkDisk(): void {
    let comingBytes = 0;
    for (const { edge } of this.#streams.values()) comingBytes += edge.comingBytes;
    this.#options.disk.check(comingBytes);
    if (this.#failure !== undefined || this.#isClosed) return;
    if (this.#options.disk.isFull) this.#room.makeRoom([...this.#streams.values()]);
  }
}

function divergence(
  topic: string,
  reason: DivergenceReason,
  gap: Gap | undefined,
  newRunFrom: number,
): string {
  const causes: Record<DivergenceReason, string> = {
    'hub-lost-data': 'the hub holds less than it acknowledged',
    'hub-ahead': 'the hub holds more than this gateway ever wrote: a restored backup or a clone',
    'crc-mismatch': 'the hub holds other data at the same offsets: a restored backup or a clone',
  };
  const lost = gap === undefined ? '' : `; offsets ${gap.from} to ${gap.to - 1} are lost for good`;
  const twice =
    reason === 'hub-lost-data' ? '' : '; what was not acknowledged before may reach the hub a second time';
  return `stream ${topic}: ${causes[reason]}; a new run begins at offset ${newRunFrom}${lost}${twice}`;
}

async function noPlace({ topic }: PoisonBatch): Promise<never> {
  throw new EdgelogError('LIMIT_EXCEEDED', `stream ${topic}: there is no place to set a batch aside`);
}
