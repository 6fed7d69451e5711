import { setTimeout as delay } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import { outOfRange, truncationFor } from '@edgelog/cluster';
import { decodeProducers, type LogStore } from '@edgelog/log';
import { describeError, type Logger } from '@edgelog/runtime';
import { apis, ErrorCode, errorName, type RequestInput, type ResponseOutput } from '@edgelog/wire';
import type { FramePool } from '../net/frame-pool.ts';
import { FollowerSession } from './fetch-session.ts';
import { type Followed, keyOf } from './followed.ts';
import type { MoveThrottle } from './move-throttle.ts';
import type { PeerLink } from './peers.ts';
import type { Replica } from './replica.ts';

/** The leader holds a fetch back for so long when it has nothing to tell. */
const MAX_WAIT_MS = 500;
const ANSWER_MS = 10_000;
/** A partition that the leader refuses is left out for so long: until one of the two has newer metadata. */
const RETRY_MS = 50;
/** Where it is the leader's disk, or ours, that stands in the way. */
const DAMAGED_RETRY_MS = 1_000;
/** Requests are not ended more often than that, however often leaders change: what they bring would never come. */
const INTERRUPT_MS = 200;
/** No log comes that far: its producers are to be had from the leader. */
const UNKNOWN_PRODUCERS = Number.MAX_SAFE_INTEGER;

type Answer = ResponseOutput<typeof apis.fetch>['responses'][number]['partitions'][number];

export interface FetcherDeps {
  readonly nodeId: number;
  readonly leaderId: number;
  readonly link: PeerLink;
  /** That the link's answers are in. */
  readonly frames: Pick<FramePool, 'giveBack'>;
  readonly store: Pick<LogStore, 'flushed'>;
  readonly log: Logger;
  /** Of what moves bring to this broker. */
  readonly throttle: Pick<MoveThrottle, 'isOpen' | 'spend'>;
  /** This broker's registration, as long as it surely stands. */
  epoch(): number | undefined;
  /** Asks the leader. */
  snapshot(body: RequestInput<'replicaSnapshot'>): Promise<ResponseOutput<typeof apis.replicaSnapshot>>;
  /** Monotonic, milliseconds. */
  now(): number;
}

/**
 * Fetches all partitions that this broker follows from one leader, over one connection, request after request: what came is on
 * disk before the next request says so.
 */
export class Fetcher {
  readonly #deps: FetcherDeps;
  readonly #followed = new Map<string, Followed>();
  /** What of it is wanted now. */
  readonly #session = new FollowerSession();
  /** What is left out for a while. */
  readonly #leftOut = new Set<Followed>();
  /** What moves brought here, until it is found that they are over. */
  readonly #moves = new Set<Followed>();
  #wake: () => void = () => {};
  /** A request is with the leader. */
  #isAsking = false;
  /** Requests that went out. */
  #asked = 0;
  /** The newest that does not know of all that is followed. */
  #outdated = 0;
  #interruption: NodeJS.Timeout | undefined;
  #interruptedAt = Number.NEGATIVE_INFINITY;
  #isInterrupted = false;
  #closed = false;
  #isTroubled = false;
  readonly #running: Promise<void>;

  constructor(deps: FetcherDeps) {
    this.#deps = deps;
    this.#running = this.#run();
  }

  get size(): number {
    return this.#followed.size;
  }

  /** From now on, in the epoch that the replica is in now. */
  follow(replica: Replica): void {
    const { leaderEpoch } = replica.leadership;
    this.#drop(keyOf(replica));
    const followed: Followed = {
      replica,
      leaderEpoch,
      sent: undefined,
      retryAt: Number.NEGATIVE_INFINITY,
      // They are those of a log that another leader had.
      lacksProducers: replica.log.producersThrough > 0,
    };
    this.#followed.set(keyOf(replica), followed);
    if (this.#isMove(followed)) this.#moves.add(followed);
    this.#session.want(followed);
    this.#wake();
    // What is parked at the leader does not know of this one; others that come soon are waited for.
    if (!this.#isAsking) return;
    this.#outdated = this.#asked;
    const waitMs = Math.max(0, this.#interruptedAt + INTERRUPT_MS - this.#deps.now());
    this.#interruption ??= setTimeout(() => this.#interrupt(), waitMs);
  }

  /** Ends the request that is with the leader, if it is one that knows too little. */
  #interrupt(): void {
    this.#interruption = undefined;
    if (!this.#isAsking || this.#asked !== this.#outdated) return;
    this.#isInterrupted = true;
    this.#interruptedAt = this.#deps.now();
    this.#deps.link.reset();
  }

  leave(replica: Replica): void {
    this.#drop(keyOf(replica));
    if (this.#followed.size === 0 && this.#isAsking) this.#deps.link.reset();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#interruption);
    for (const key of this.#followed.keys()) this.#drop(key);
    this.#deps.link.close();
    this.#wake();
    await this.#running;
  }

  #drop(key: string): void {
    const followed = this.#followed.get(key);
    if (followed === undefined) return;
    this.#followed.delete(key);
    this.#leftOut.delete(followed);
    this.#moves.delete(followed);
    this.#session.unwant(followed);
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#round();
      } catch (error) {
        if (!(error instanceof EdgelogError)) throw error;
        this.#session.reset();
        if (this.#closed || /^STORE_/.test(error.code)) return;
        if (this.#isInterrupted) this.#isInterrupted = false;
        else await this.#troubled(error);
      }
    }
  }

  /** One request, and what its answer asks for. */
  async #round(): Promise<void> {
    const { nodeId, link, frames, store } = this.#deps;
    this.#takeIn();
    this.#throttleMoves();
    const replicaEpoch = this.#deps.epoch();
    if (this.#session.size === 0 || replicaEpoch === undefined) {
      this.#session.reset();
      return this.#rest();
    }
    for (const { replica } of this.#session.moved) {
      if (replica.log.flushedEndOffset === replica.log.logEndOffset) continue;
      await store.flushed();
      return;
    }
    const maxWaitMs = this.#session.size < this.#followed.size ? RETRY_MS : MAX_WAIT_MS;
    const request = this.#session.next({ replicaId: nodeId, replicaEpoch }, maxWaitMs);
    this.#isAsking = true;
    this.#asked += 1;
    let response: ResponseOutput<typeof apis.fetch>;
    try {
      response = await link.request(apis.fetch, request, { timeoutMs: ANSWER_MS });
    } finally {
      this.#isAsking = false;
    }
    this.#isTroubled = false;
    if (response.errorCode !== ErrorCode.NONE) {
      this.#session.reset();
      return;
    }
    this.#session.answered(response.sessionId);
    const taken: [Followed, Answer][] = [];
    for (const { topicId, partitions } of response.responses) {
      for (const answer of partitions) {
        const followed = this.#followed.get(`${topicId}/${answer.partitionIndex}`);
        if (followed === undefined) continue;
        if (this.#session.wants(followed)) this.#session.want(followed); // whatever comes, its log may move
        // Under another role by now, or cut meanwhile: it is asked for again.
        if (followed.sent === undefined || followed.sent.offset !== followed.replica.log.logEndOffset)
          continue;
        if (this.#tryToTake(followed, answer)) taken.push([followed, answer]);
      }
    }
    if (taken.length === 0) return;
    await store.flushed();
    for (const [followed, answer] of taken) {
      if (this.#isCurrent(followed)) followed.replica.adopt(answer);
    }
    for (const [, { records }] of taken) if (records !== null) frames.giveBack(records);
  }

  /** As `#take`; what stands against one partition on this disk holds up no other. */
  #tryToTake(followed: Followed, answer: Answer): boolean {
    try {
      return this.#take(followed, answer);
    } catch (error) {
      this.#cannot(followed, error);
      return false;
    }
  }

  /** Whether the log now goes on as the leader's does, so that what else the answer says can be believed when it is on disk. */
  #take(followed: Followed, answer: Answer): boolean {
    const { replica } = followed;
    const { errorCode, divergingEpoch, records } = answer;
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      void this.#remedy(followed);
      return false;
    }
    if (errorCode !== ErrorCode.NONE) {
      this.#refused(followed, errorCode);
      return false;
    }
    if (divergingEpoch.endOffset >= 0) {
      this.#truncate(followed, truncationFor(replica.log, divergingEpoch));
      return false;
    }
    if (records !== null && records.length > 0 && !this.#append(followed, records)) return false;
    if (followed.lacksProducers) void this.#adoptProducers(followed);
    return true;
  }

  #append(followed: Followed, records: Buffer): boolean {
    const { replica } = followed;
    const { log } = replica;
    const { producersThrough } = log;
    if (this.#isMove(followed)) this.#deps.throttle.spend(records.length);
    const appended = log.appendReplicated(records);
    if (!appended.ok) {
      const { error, message } = appended;
      this.#deps.log.error('fetched batches refused', { partition: replica.name, error, message });
      this.#leaveOut(followed, DAMAGED_RETRY_MS);
      return false;
    }
    appended.flushed.catch(() => {}); // `store.flushed` says the same
    if (appended.hasHoles && producersThrough < log.logEndOffset) {
      // Kept with the log: whoever leads next, and this broker once it has restarted, know of it.
      log.adoptProducers(log.producers(), UNKNOWN_PRODUCERS);
      followed.lacksProducers = true;
    }
    return true;
  }

  /** As when the disk has no room, or is damaged. Throws what is none of that. */
  #cannot(followed: Followed, error: unknown): void {
    if (!(error instanceof EdgelogError) || error.code === 'STORE_CLOSED') throw error;
    this.#deps.log.error('log cannot follow its leader', { partition: followed.replica.name, error });
    this.#leaveOut(followed, DAMAGED_RETRY_MS);
  }

  #truncate(followed: Followed, endOffset: number): void {
    const { log } = followed.replica;
    if (log.producersThrough > 0 && endOffset < log.logEndOffset) void this.#remedy(followed);
    else followed.replica.truncate(endOffset);
  }

  #refused(followed: Followed, errorCode: number): void {
    const isDamaged = errorCode === ErrorCode.CORRUPT_MESSAGE || errorCode === ErrorCode.KAFKA_STORAGE_ERROR;
    this.#leaveOut(followed, isDamaged ? DAMAGED_RETRY_MS : RETRY_MS);
    this.#deps.log.debug('leader refuses a fetch', {
      partition: followed.replica.name,
      leader: this.#deps.leaderId,
      error: errorName(errorCode),
    });
  }

  /** The leader has nothing at this log's end, or this log cannot be cut to where they part. */
  async #remedy(followed: Followed): Promise<void> {
    const { replica } = followed;
    const { log } = replica;
    await this.#withSnapshot(followed, (leader) => {
      const remedy = outOfRange(log, leader);
      if (log.producersThrough === 0) {
        if (remedy === undefined) return;
        if ('truncateTo' in remedy) {
          replica.truncate(remedy.truncateTo);
          return;
        }
      }
      if (replica.counts) {
        // Whoever counts has all that is committed, so this is damage: the leader drops it first.
        this.#leaveOut(followed, DAMAGED_RETRY_MS);
        return;
      }
      const startOffset = leader.logStartOffset;
      replica.startAnew({ startOffset, producers: leader.producers, producersThrough: leader.logEndOffset });
      followed.lacksProducers = false;
    });
  }

  async #adoptProducers(followed: Followed): Promise<void> {
    await this.#withSnapshot(followed, ({ producers, logEndOffset }) => {
      followed.replica.log.adoptProducers(producers, logEndOffset);
      followed.lacksProducers = false;
    });
  }

  /** The partition is not fetched meanwhile. */
  async #withSnapshot(followed: Followed, use: (leader: LeaderSnapshot) => void): Promise<void> {
    if (!this.#isCurrent(followed)) return;
    this.#exclude(followed, Number.POSITIVE_INFINITY);
    const { topicId, partition, name } = followed.replica;
    try {
      const { errorCode, producers, ...bounds } = await this.#deps.snapshot({
        topicId,
        partition: partition.index,
        currentLeaderEpoch: followed.leaderEpoch,
      });
      if (!this.#isCurrent(followed)) return;
      this.#leaveOut(followed, errorCode === ErrorCode.NONE ? 0 : RETRY_MS);
      if (errorCode === ErrorCode.NONE && producers !== null)
        use({ ...bounds, producers: decodeProducers(producers) });
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      this.#deps.log.debug('leader not asked for its bounds', {
        partition: name,
        reason: describeError(error),
      });
      this.#leaveOut(followed, DAMAGED_RETRY_MS);
    }
  }

  #leaveOut(followed: Followed, ms: number): void {
    if (!this.#isCurrent(followed)) return;
    this.#exclude(followed, this.#deps.now() + ms);
    this.#wake();
  }

  #exclude(followed: Followed, retryAt: number): void {
    followed.retryAt = retryAt;
    this.#leftOut.add(followed);
    this.#session.unwant(followed);
  }

  #isCurrent(followed: Followed): boolean {
    return this.#followed.get(keyOf(followed.replica)) === followed;
  }

  /** What was left out for long enough. */
  #takeIn(): void {
    const now = this.#deps.now();
    for (const followed of this.#leftOut) {
      if (followed.retryAt > now) continue;
      this.#leftOut.delete(followed);
      this.#session.want(followed);
    }
  }

  #throttleMoves(): void {
    if (this.#moves.size === 0) return;
    const { isOpen } = this.#deps.throttle;
    for (const followed of this.#moves) {
      const isMove = this.#isMove(followed);
      if (!isMove) this.#moves.delete(followed);
      if (this.#leftOut.has(followed)) continue;
      if (isMove && !isOpen) this.#session.unwant(followed);
      else if (!this.#session.wants(followed)) this.#session.want(followed);
    }
  }

  /** Whether a move brings the replica here, and copies to it what it is about to be one of. */
  #isMove({ replica }: Followed): boolean {
    return replica.leadership.adding.includes(this.#deps.nodeId);
  }

  /** Until there is something to fetch. */
  async #rest(): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#closed) return;
    await (this.#followed.size === 0 ? woken : Promise.race([woken, delay(RETRY_MS)]));
  }

  async #troubled(error: EdgelogError): Promise<void> {
    const { link, log, leaderId } = this.#deps;
    if (!this.#isTroubled && this.#followed.size > 0)
      log.warn('cannot fetch from a leader', { leader: leaderId, reason: describeError(error) });
    this.#isTroubled = true;
    await delay(Math.max(RETRY_MS, link.retryInMs));
  }
}

interface LeaderSnapshot {
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  readonly producers: ReturnType<typeof decodeProducers>;
}
