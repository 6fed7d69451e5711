import type { RequestInput } from '@edgelog/wire';
import { type Followed, isSamePosition, positionOf } from './followed.ts';

/** One response, and of one partition in it. */
const RESPONSE_BYTES_MAX = 16 * 1024 * 1024;
const PARTITION_BYTES_MAX = 4 * 1024 * 1024;

type Topics = NonNullable<RequestInput<'fetch'>['topics']>;
type Forgotten = NonNullable<RequestInput<'fetch'>['forgottenTopicsData']>;

/** A follower's side of a fetch session with one leader [KIP-227]: what to tell of the partitions, and what was told. */
export class FollowerSession {
  #id = 0;
  #epoch = 0;
  #members = new Map<string, Followed>();

  /** The leader forgot it, or the connection broke: it begins again. */
  reset(): void {
    this.#id = 0;
    this.#epoch = 0;
    for (const followed of this.#members.values()) followed.sent = undefined;
    this.#members.clear();
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /** The next request for `wanted`, all of them on disk. Their positions count as told. */
  next(
    wanted: ReadonlyMap<string, Followed>,
    replicaState: { replicaId: number; replicaEpoch: number },
    maxWaitMs: number,
  ): RequestInput<'fetch'> {
    if (this.#epoch === 0) this.reset();
    const topics = new Map<string, Topics[number]['partitions'][number][]>();
    const forgotten = new Map<string, number[]>();
    for (const [key, member] of this.#members) {
      if (wanted.get(key) === member) continue;
      this.#members.delete(key);
      member.sent = undefined;
      if (!wanted.has(key)) listOf(forgotten, member.replica.topicId).push(member.replica.partition.index);
    }
    for (const [key, followed] of wanted) {
      const position = positionOf(followed);
      if (followed.sent !== undefined && isSamePosition(followed.sent, position)) continue;
      followed.sent = position;
      this.#members.set(key, followed);
      const { topicId, partition } = followed.replica;
      listOf(topics, topicId).push({
        partition: partition.index,
        currentLeaderEpoch: position.currentLeaderEpoch,
        fetchOffset: position.offset,
        lastFetchedEpoch: position.lastFetchedEpoch,
        logStartOffset: position.logStartOffset,
        partitionMaxBytes: PARTITION_BYTES_MAX,
      });
    }
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
}

function listOf<T>(map: Map<string, T[]>, key: string): T[] {
  const existing = map.get(key);
  if (existing !== undefined) return existing;
  const list: T[] = [];
  map.set(key, list);
  return list;
}
