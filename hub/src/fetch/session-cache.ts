import { ErrorCode } from '@edgelog/wire';
import {
  type AskedPartition,
  type Attention,
  FetchSession,
  type ForgottenPartition,
  nextEpoch,
  type PartitionAnswer,
  type Rest,
  type Told,
} from './session.ts';

const INITIAL_EPOCH = 0;
const FINAL_EPOCH = -1;
const NO_SESSION = 0;

export interface FetchSessionLimits {
  /** Kafka's `max.incremental.fetch.session.cache.slots`. */
  slotsMax: number;
  /** Partitions of all sessions together: what bounds their memory. */
  partitionsMax: number;
  /** A session unused for longer may be evicted by anyone; one younger than this only by one that is worth more. */
  evictionMs: number;
}

/** Kafka's limits; that on partitions is ours. */
export const FETCH_SESSION_LIMITS: FetchSessionLimits = {
  slotsMax: 1000,
  partitionsMax: 200_000,
  evictionMs: 120_000,
};

export interface SessionRequest {
  sessionId: number;
  sessionEpoch: number;
  isFollower: boolean;
  usesTopicIds: boolean;
  /** On whose behalf it reads: another one's rest says nothing to it. */
  reader: string;
  asked: readonly AskedPartition[];
  forgotten: readonly ForgottenPartition[];
}

/** What goes into the response: answers by their index, in order. */
export interface SessionResponse {
  errorCode: number;
  sessionId: number;
  /** Indexes of the answers that are sent; undefined means all of them. */
  told: readonly number[] | undefined;
}

/** One request's part in its session: what to read, and then what of it to tell. */
export interface FetchContext {
  /** All partitions that the client fetches. */
  readonly size: number;
  /** Those of them that may have something to tell; what is stirred before the response is added, and `whenStirred` told its index. */
  readonly asked: readonly AskedPartition[];
  readonly whenStirred: Set<(i: number) => void>;
  /** What the client knows of `asked[i]`. */
  readonly told: readonly Told[];
  /** `answers[i]` belongs to `asked[i]`. To be called once, when everything was read. */
  respond(answers: readonly (PartitionAnswer | undefined)[], nowMs: number): SessionResponse;
  /** After the response: `asked[i]` has nothing more to tell, and is not looked at again before its rest ends. */
  rest(i: number, until: Rest): void;
}

/** A session's place in the cache, as it was when the session was last used. */
interface Slot {
  readonly id: number;
  readonly session: FetchSession;
  readonly isFollower: boolean;
  readonly createdAtMs: number;
  usedAtMs: number;
  size: number;
  /** Old enough by then for consumers' sessions to take its place; followers take any consumer's. */
  isEstablished: boolean;
}

/**
 * The fetch sessions of a broker, with Kafka's rules of which one gives way when all slots are taken [KIP-227]: first one that
 * is unused for long; else the least valuable one, if the new one is worth more. A follower's is worth more than a consumer's,
 * then the one with more partitions is. Where there are too many partitions, consumers' sessions give way to followers'. Pure: the caller gives the time, the constructor the numbers that sessions are known by.
 */
export class FetchSessionCache {
  readonly #limits: FetchSessionLimits;
  readonly #drawId: () => number;
  /** The one unused for longest first. */
  readonly #slots = new Map<number, Slot>();
  #partitionCount = 0;
  #evictionCount = 0;

  /** `drawId` gives numbers from 1 to 2^31−1. */
  constructor(limits: FetchSessionLimits, drawId: () => number) {
    this.#limits = limits;
    this.#drawId = drawId;
  }

  get sessionCount(): number {
    return this.#slots.size;
  }

  get partitionCount(): number {
    return this.#partitionCount;
  }

  get evictionCount(): number {
    return this.#evictionCount;
  }

  /** A number is an error code that is the whole response. */
  begin(request: SessionRequest, nowMs: number): FetchContext | number {
    const { sessionId, sessionEpoch } = request;
    if (sessionEpoch === INITIAL_EPOCH || sessionEpoch === FINAL_EPOCH) {
      this.#remove(this.#slots.get(sessionId));
      return sessionEpoch === FINAL_EPOCH ? withoutSession(request.asked) : this.#full(request, nowMs);
    }
    const slot = this.#slots.get(sessionId);
    if (slot === undefined) return ErrorCode.FETCH_SESSION_ID_NOT_FOUND;
    const { session } = slot;
    if (session.epoch !== sessionEpoch) return ErrorCode.INVALID_FETCH_SESSION_EPOCH;
    if (session.usesTopicIds !== request.usesTopicIds) return ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR;
    return this.#incremental(slot, request, nowMs);
  }

  #full({ asked, isFollower, usesTopicIds, reader }: SessionRequest, beganMs: number): FetchContext {
    const session = new FetchSession(usesTopicIds, asked, reader, beganMs);
    const attention = session.attend();
    let isKept = false;
    return {
      ...sessionsPart(session, attention),
      rest: (i, until) => {
        if (isKept) session.rest(attention, i, until);
      },
      respond: (answers, nowMs) => {
        if (!this.#makeRoom(isFollower, session.size, nowMs)) {
          return { errorCode: ErrorCode.NONE, sessionId: NO_SESSION, told: undefined };
        }
        session.changed(attention, answers);
        isKept = true;
        const id = this.#newId();
        const use = { usedAtMs: nowMs, size: 0, isEstablished: false };
        this.#touch({ id, session, isFollower, createdAtMs: nowMs, ...use }, nowMs);
        return { errorCode: ErrorCode.NONE, sessionId: id, told: undefined };
      },
    };
  }

  #incremental(slot: Slot, request: SessionRequest, nowMs: number): FetchContext | number {
    const { id, session } = slot;
    session.use(request, request.reader, nowMs);
    const epoch = nextEpoch(session.epoch);
    session.epoch = epoch;
    if (session.size === 0) {
      this.#remove(slot);
      return withoutSession([]);
    }
    this.#touch(slot, nowMs);
    if (slot.isFollower) this.#letConsumersGo(0);
    if (this.#partitionCount > this.#limits.partitionsMax) {
      this.#evict(slot);
      return ErrorCode.FETCH_SESSION_ID_NOT_FOUND;
    }
    const attention = session.attend();
    return {
      ...sessionsPart(session, attention),
      rest: (i, until) => {
        if (session.epoch === epoch) session.rest(attention, i, until);
      },
      respond: (answers) =>
        session.epoch === epoch
          ? { errorCode: ErrorCode.NONE, sessionId: id, told: session.changed(attention, answers) }
          : { errorCode: ErrorCode.INVALID_FETCH_SESSION_EPOCH, sessionId: id, told: [] },
    };
  }

  #touch(slot: Slot, nowMs: number): void {
    const { id, session } = slot;
    this.#slots.delete(id);
    this.#slots.set(id, slot);
    this.#partitionCount += session.size - slot.size;
    slot.size = session.size;
    slot.usedAtMs = nowMs;
    slot.isEstablished = nowMs - slot.createdAtMs > this.#limits.evictionMs;
  }

  #remove(slot: Slot | undefined): void {
    if (slot === undefined || !this.#slots.delete(slot.id)) return;
    this.#partitionCount -= slot.size;
    slot.session.close();
  }

  #evict(slot: Slot): void {
    this.#remove(slot);
    this.#evictionCount += 1;
  }

  #makeRoom(isFollower: boolean, size: number, nowMs: number): boolean {
    const { slotsMax, partitionsMax, evictionMs } = this.#limits;
    const lacksRoom = () => this.#slots.size >= slotsMax || this.#partitionCount + size > partitionsMax;
    for (const oldest of this.#slots.values()) {
      if (!lacksRoom() || nowMs - oldest.usedAtMs <= evictionMs) break;
      this.#evict(oldest);
    }
    if (this.#slots.size >= slotsMax) {
      const least = this.#leastValuable(isFollower);
      if (least === undefined || worth({ isFollower, size }) <= worth(least)) return false;
      this.#evict(least);
    }
    if (isFollower) this.#letConsumersGo(size);
    return !lacksRoom();
  }

  /** Until there is room for `size` more partitions, or no consumer is left: those unused for longest first. */
  #letConsumersGo(size: number): void {
    for (const oldest of this.#slots.values()) {
      if (this.#partitionCount + size <= this.#limits.partitionsMax) return;
      if (!oldest.isFollower) this.#evict(oldest);
    }
  }

  #leastValuable(forFollower: boolean): Slot | undefined {
    let least: Slot | undefined;
    for (const slot of this.#slots.values()) {
      if (!slot.isEstablished && !(forFollower && !slot.isFollower)) continue;
      if (least === undefined || isLess(slot, least)) least = slot;
    }
    return least;
  }

  #newId(): number {
    for (;;) {
      const id = this.#drawId();
      if (!this.#slots.has(id)) return id;
    }
  }
}

const FOLLOWER_WORTH = 2 ** 40;

function worth({ isFollower, size }: Pick<Slot, 'isFollower' | 'size'>): number {
  return size + (isFollower ? FOLLOWER_WORTH : 0);
}

function isLess(a: Slot, b: Slot): boolean {
  const difference = worth(a) - worth(b);
  return difference < 0 || (difference === 0 && a.id < b.id);
}

const UNTOLD: Told = { highWatermark: -1, logStartOffset: -1 };

function sessionsPart({ size }: FetchSession, { asked, told, whenStirred }: Attention) {
  return { size, asked, told, whenStirred };
}

function withoutSession(asked: readonly AskedPartition[]): FetchContext {
  const told = asked.map(() => UNTOLD);
  return {
    size: asked.length,
    asked,
    told,
    whenStirred: new Set(),
    rest: () => {},
    respond: () => ({ errorCode: ErrorCode.NONE, sessionId: NO_SESSION, told: undefined }),
  };
}
