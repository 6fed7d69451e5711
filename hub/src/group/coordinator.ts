import { assert } from '@edgelog/base';
import type { Logger } from '@edgelog/runtime';
import type { ErrorName } from '@edgelog/wire';
import type { Partition } from '../partition/partition.ts';
import type { TopicsView } from './consumer/topics.ts';
import { LoggedShard } from './logged-shard.ts';
import type * as m from './messages.ts';
import type { RemovalLog } from './removal-log.ts';
import type { GroupSettings } from './settings.ts';
import { type GroupEvent, handle } from './shard.ts';
import type { Group } from './state.ts';
import type { Step } from './step.ts';
import { AlarmHeap } from './timers.ts';

export interface CoordinatorDeps {
  readonly settings: GroupSettings;
  readonly topics: TopicsView;
  readonly log: Logger;
  readonly removals: RemovalLog;
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** A clock that nobody sets, in milliseconds. */
  steady(): number;
  /** Whether the topic exists, in what this broker knows since it leads, or later. */
  isTopic(topic: string): boolean;
  /** Does the work when it is its turn: one replay at a time. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** What the groups have come to may not be told any more: this broker leads no longer, or something was not committed. */
  onDeposed(coordinator: Coordinator): void;
  onStoreFailed(error: Error): void;
}

type Phase = 'loading' | 'serving' | 'ended';

interface Waiting {
  readonly answer: (reply: m.Reply | undefined) => void;
  readonly fail: (error: ErrorName) => void;
  /** Steady time from which on its answer is there, and held back until what it tells is committed. */
  heldSince: number | undefined;
}

/** setTimeout's own limit is 2^31−1. */
const TIMEOUT_MS_MAX = 2 ** 30;

/**
 * The groups of one partition of `__consumer_offsets`, for one leadership of this broker: the shell around a shard. Appends what
 * it records, answers when that is committed, keeps the time. Ended for good when the leadership is.
 */
export class Coordinator {
  readonly leaderEpoch: number;
  readonly #partition: Partition;
  readonly #deps: CoordinatorDeps;
  readonly #shard: LoggedShard;
  readonly #waiting = new Map<m.Ticket, Waiting>();
  /** By group: the newest append that is not committed yet. */
  readonly #inFlight = new Map<string, Promise<ErrorName>>();
  readonly #alarms = new AlarmHeap();
  /** Topics that were deleted while it loaded. */
  readonly #deletedTopics = new Set<string>();
  #phase: Phase = 'loading';
  #nextTicket = 1;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #heldTimer: NodeJS.Timeout | undefined;
  #flushed: Promise<void> = Promise.resolve();
  #stopWaitingToLoad: () => void = () => {};

  constructor(partition: Partition, deps: CoordinatorDeps) {
    this.leaderEpoch = partition.leadership.leaderEpoch;
    this.#partition = partition;
    this.#deps = deps;
    this.#shard = new LoggedShard(partition);
  }

  get partition(): Partition {
    return this.#partition;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Of the groups that are served; none before they are loaded. */
  get groups(): ReadonlyMap<string, Group> {
    return this.#phase === 'serving' ? this.#shard.state.groups : new Map();
  }

  /** Resolves when what was recorded is on this broker's disk. */
  get flushed(): Promise<void> {
    return this.#flushed;
  }

  /**
   * Replays the partition, to be called once. It begins when all that the log held when this leadership began is committed: what a
   * predecessor appended and acknowledged to nobody could still be lost with this broker.
   */
  async load(): Promise<void> {
    const { inTurn, log, isTopic, steady } = this.#deps;
    const { index: partition } = this.#partition;
    const startedAt = steady();
    const endOffset = this.#partition.log.logEndOffset;
    await this.#untilCommitted(endOffset);
    const records = await inTurn(() =>
      this.#shard.load(endOffset, (offset, error) =>
        log.error('unreadable record in __consumer_offsets', { partition, offset, error: error.message }),
      ),
    );
    if (this.#phase !== 'loading') return;
    this.#phase = 'serving';
    const isGone = (topic: string) => this.#deletedTopics.has(topic) || !isTopic(topic);
    this.run({ type: 'loaded', isGone });
    this.#deletedTopics.clear();
    const tookMs = Math.round(steady() - startedAt);
    log.debug('groups of a partition loaded', { partition, groups: this.groups.size, records, tookMs });
  }

  /** Why nothing of its groups can be told now, or, for who `mayWrite`, changed. */
  refusal(mayWrite: boolean): ErrorName | undefined {
    if (!this.#leads()) return 'NOT_COORDINATOR';
    if (this.#phase === 'loading') return 'COORDINATOR_LOAD_IN_PROGRESS';
    const isRefused = mayWrite && this.#partition.replication.commitRefusal !== 'NONE';
    return isRefused ? 'COORDINATOR_NOT_AVAILABLE' : undefined;
  }

  call<K extends m.ApiKind>(
    kind: K,
    failure: (error: ErrorName) => m.Bodies[K],
    eventOf: (ticket: m.Ticket) => GroupEvent & { groupId: string },
  ): Promise<m.Bodies[K]> {
    const ticket = this.#nextTicket++;
    const event = eventOf(ticket);
    const error = this.refusal(mayWrite(event));
    if (error !== undefined) return Promise.resolve(failure(error));
    return new Promise((done) => {
      this.#waiting.set(ticket, {
        answer: (reply) => {
          assert(reply?.kind === kind, `a ${kind} request was given a ${reply?.kind} reply`);
          done(reply.body as m.Bodies[K]);
        },
        fail: (why) => done(failure(why)),
        heldSince: undefined,
      });
      this.#handle(event);
    });
  }

  /** What happens to the groups by itself. */
  run(event: GroupEvent): void {
    if (this.#phase === 'loading' && event.type === 'topicDeleted') this.#deletedTopics.add(event.topic);
    if (this.#phase === 'serving' && this.#leads()) this.#handle(event);
  }

  /** NONE when all that the group has come to by now is committed, or why that may not be told. */
  settled(groupId: string): Promise<ErrorName> {
    return this.#settled(this.#inFlight.get(groupId));
  }

  /** The same for all groups. */
  allSettled(): Promise<ErrorName> {
    const gates = [...new Set(this.#inFlight.values())];
    if (gates.length === 0) return this.#settled(undefined);
    const isFailure = (outcome: ErrorName) => outcome !== 'NONE';
    return this.#settled(Promise.all(gates).then((outcomes) => outcomes.find(isFailure) ?? 'NONE'));
  }

  /** Answers whoever waits, and forgets everything. */
  end(error: ErrorName): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#stopWaitingToLoad();
    clearTimeout(this.#timer);
    clearTimeout(this.#heldTimer);
    for (const { fail } of this.#waiting.values()) fail(error);
    this.#waiting.clear();
    this.#inFlight.clear();
    this.#alarms.clear();
    this.#shard.release();
  }

  #leads(): boolean {
    if (this.#phase === 'ended') return false;
    const { leadership, replication } = this.#partition;
    if (leadership.leaderEpoch === this.leaderEpoch && replication.leaderRefusal === 'NONE') return true;
    this.#deps.onDeposed(this);
    return false;
  }

  /** Or until it is ended. */
  #untilCommitted(endOffset: number): Promise<void> {
    const partition = this.#partition;
    return new Promise((resolve) => {
      const stop = () => {
        partition.whenChanged.delete(look);
        resolve();
      };
      const look = () => {
        if (partition.replication.isHighWatermarkKnown && partition.highWatermark >= endOffset) stop();
      };
      this.#stopWaitingToLoad = stop;
      partition.whenChanged.add(look);
      look();
    });
  }

  #handle(event: GroupEvent): void {
    const { now, steady, settings, topics, removals } = this.#deps;
    const moment = { wallMs: now(), steadyMs: steady() };
    const step = handle(this.#shard.state, event, moment, settings, topics);
    if (step.records.length > 0) this.#append(step);
    removals.report(step.removals);
    for (const alarm of step.wakes) this.#alarms.add(alarm);
    this.#armTimer();
    if (step.replies.length > 0) this.#answer(step.replies, 'groupId' in event ? event.groupId : '');
  }

  #append(step: Step): void {
    const { flushed, committed } = this.#shard.append(step.records, step.now.wallMs);
    this.#flushed = flushed;
    const groupIds = new Set(step.records.map(({ groupId }) => groupId));
    for (const groupId of groupIds) this.#inFlight.set(groupId, committed);
    committed.then(
      (outcome) => {
        for (const groupId of groupIds) {
          if (this.#inFlight.get(groupId) === committed) this.#inFlight.delete(groupId);
        }
        // It may be committed yet, by this leader or by another; only a replay tells.
        if (outcome !== 'NONE' && this.#phase === 'serving') this.#deps.onDeposed(this);
      },
      (error: Error) => this.#deps.onStoreFailed(error),
    );
  }

  /** No answer leaves while something of its group is not committed, for it may speak of that. */
  #answer(replies: readonly m.Reply[], groupId: string): void {
    this.#whenCommitted(
      this.#inFlight.get(groupId),
      replies.map(({ ticket }) => ticket),
      () => {
        for (const reply of replies) this.#take(reply.ticket)?.answer(reply);
      },
    );
  }

  #settled(gate: Promise<ErrorName> | undefined): Promise<ErrorName> {
    if (gate === undefined) return Promise.resolve('NONE');
    return new Promise((resolve) => {
      const ticket = this.#nextTicket++;
      this.#waiting.set(ticket, { answer: () => resolve('NONE'), fail: resolve, heldSince: undefined });
      this.#whenCommitted(gate, [ticket], () => this.#take(ticket)?.answer(undefined));
    });
  }

  /** When it is not committed those who wait are answered by `end`, or when it takes too long. */
  #whenCommitted(gate: Promise<ErrorName> | undefined, tickets: m.Ticket[], answer: () => void): void {
    if (gate === undefined) {
      answer();
      return;
    }
    const heldSince = this.#deps.steady();
    for (const ticket of tickets) {
      const waiting = this.#waiting.get(ticket);
      if (waiting) waiting.heldSince = heldSince;
    }
    this.#heldTimer ??= this.#lookAtHeld();
    gate.then(
      (outcome) => {
        if (outcome === 'NONE') answer();
      },
      () => {},
    );
  }

  #take(ticket: m.Ticket): Waiting | undefined {
    const waiting = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    return waiting;
  }

  /** Gives up whoever has waited too long for the replicas. */
  #lookAtHeld(): NodeJS.Timeout {
    const { steady, settings } = this.#deps;
    const look = () => {
      this.#heldTimer = undefined;
      const heldBefore = steady() - settings.commitTimeoutMs;
      let isHeld = false;
      for (const [ticket, { heldSince, fail }] of this.#waiting) {
        if (heldSince === undefined) continue;
        if (heldSince > heldBefore) isHeld = true;
        else if (this.#waiting.delete(ticket)) fail('COORDINATOR_NOT_AVAILABLE');
      }
      if (isHeld) this.#heldTimer = this.#lookAtHeld();
    };
    return setTimeout(look, settings.commitTimeoutMs).unref();
  }

  #armTimer(): void {
    const at = this.#alarms.nextAt;
    if (at === undefined || at >= this.#timerAt || this.#phase !== 'serving') return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const delay = Math.min(Math.max(at - this.#deps.steady(), 0), TIMEOUT_MS_MAX);
    // Heartbeats that came while the process was held up are read first, so that nobody is given up for our delay.
    this.#timer = setTimeout(() => setImmediate(() => this.#onTimer()), Math.ceil(delay));
    this.#timer.unref();
  }

  #onTimer(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#deps.steady();
    for (let alarm = this.#alarms.takeDue(now); alarm; alarm = this.#alarms.takeDue(now)) {
      this.run({ type: 'wake', groupId: alarm.groupId });
    }
    this.#armTimer();
  }
}

/** Of the requests that every member sends all the time those that find it as it should be change nothing. */
function mayWrite(event: GroupEvent): boolean {
  if (event.type === 'consumerHeartbeat') return event.request.memberEpoch <= 0;
  return event.type !== 'heartbeat';
}
