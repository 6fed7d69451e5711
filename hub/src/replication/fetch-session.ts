import type { RequestInput } from '@edgelog/wire';
import { type Followed, isSamePosition, keyOf, positionOf } from './followed.ts';

/** One response, with what is beside the records within what a FramePool keeps; and of one partition in it. */
const RESPONSE_BYTES_MAX = 3.5 * 1024 * 1024;
const PARTITION_BYTES_MAX = 1024 * 1024;

type Topics = NonNullable<RequestInput<'fetch'>['topics']>;
type Forgotten = NonNullable<RequestInput<'fetch'>['forgottenTopicsData']>;

/**
 * A follower's side of a fetch session with one leader [KIP-227]: the partitions that are wanted, and of which of them the leader
 * has to be told. A request costs time for those alone.
 */
export class FollowerSession {
  #id = 0;
  #epoch = 0;
  readonly #wanted = new Map<string, Followed>();
  /** Those that the leader fetches for us. */
  readonly #members = new Map<string, Followed>();
  /** Wanted ones that may not be where the leader was told. */
  readonly #moved = new Set<Followed>();
  /** The others among the leader's, as they were. */
  readonly #forgotten = new Map<string, Followed>();

  /** How many are wanted. */
  get size(): number {
    return this.#wanted.size;
  }

  /** Those that the next request looks at. */
  get moved(): Iterable<Followed> {
    return this.#moved;
  }

  wants(followed: Followed): boolean {
    return this.#wanted.get(keyOf(followed.replica)) === followed;
  }

  /** It is to be fetched from where it is when the next request goes out, in place of what was wanted of that partition. */
  want(followed: Followed): void {
    const key = keyOf(followed.replica);
    const before = this.#wanted.get(key);
    if (before !== undefined && before !== followed) this.#moved.delete(before);
    this.#wanted.set(key, followed);
    this.#moved.add(followed);
    this.#forgotten.delete(key);
  }

  unwant(followed: Followed): void {
    if (!this.wants(followed)) return;
    const key = keyOf(followed.replica);
    this.#wanted.delete(key);
    this.#moved.delete(followed);
    followed.sent = undefined;
    if (this.#members.has(key)) this.#forgotten.set(key, followed);
  }

  /** The leader forgot it, or the connection broke: it begins again. */
  reset(): void {
    this.#id = 0;
    this.#epoch = 0;
    for (const member of this.#members.values()) member.sent = undefined;
    this.#members.clear();
    this.#forgotten.clear();
    for (const followed of this.#wanted.values()) this.#moved.add(followed);
  }

  /** The next request; all that moved is on disk. Positions count as told. */
  next(replicaState: { replicaId: number; replicaEpoch: number }, maxWaitMs: number): RequestInput<'fetch'> {
    if (this.#epoch === 0) this.reset();
    const topics = new Map<string, Topics[number]['partitions'][number][]>();
    const forgotten = new Map<string, number[]>();
    for (const [key, { replica }] of this.#forgotten) {
      this.#members.delete(key);
      listOf(forgotten, replica.topicId).push(replica.partition.index);
    }
    this.#forgotten.clear();
    for (const followed of this.#moved) {
      const { topicId, partition } = followed.replica;
      const position = positionOf(followed);
      if (followed.sent !== undefined && isSamePosition(followed.sent, position)) continue;
      followed.sent = position;
      this.#replaceMember(followed);
      listOf(topics, topicId).push({
        partition: partition.index,
        currentLeaderEpoch: position.currentLeaderEpoch,
        fetchOffset: position.offset,
        lastFetchedEpoch: position.lastFetchedEpoch,
        logStartOffset: position.logStartOffset,
        partitionMaxBytes: PARTITION_BYTES_MAX,
      });
    }
    this.#moved.clear();
    return {
      replicaState,
      maxWaitMs,
      minBytes: 1,
      maxBytes: RESPONSE_BYTES_MAX,
      sessionId: this.#id,
      sessionEpoch: this.#epoch,
      topics: Array.from(topics, ([topicId, partitions]) => ({ topicId, partitions })),
      forgottenTopicsData: Array.from(forgotten, ([topicId, partitions]): Forgotten[number] => ({
        topicId,
        partitions,
      })),
    };
  }

  /**
   * The leader's answer to the last request belongs to this session. Where it has none to give, what it answers is as good, and the next request
   * tells all again.
   */
  answered(sessionId: number): void {
    if (sessionId === 0) {
      this.#id = 0;
      this.#epoch = 0;
      return;
    }
    this.#id = sessionId;
    this.#epoch = this.#epoch === 2 ** 31 - 1 ? 1 : this.#epoch + 1;
  }

  #replaceMember(followed: Followed): void {
    const key = keyOf(followed.replica);
    const before = this.#members.get(key);
    if (before !== undefined && before !== followed) before.sent = undefined;
    this.#members.set(key, followed);
  }
}

function listOf<T>(map: Map<string, T[]>, key: string): T[] {
  const existing = map.get(key);
  if (existing !== undefined) return existing;
  const list: T[] = [];
  map.set(key, list);
  return list;
}
