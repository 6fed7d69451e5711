import { ErrorCode } from '@edgelog/wire';

/** One partition as a fetch asks for it. */
export interface AskedPartition {
  /** Empty in requests that name topics by id, until the id is resolved for the first time. */
  topic: string;
  readonly topicId: string;
  readonly index: number;
  readonly fetchOffset: number;
  readonly maxBytes: number;
  readonly leaderEpoch: number;
  /** Of followers: the epoch of their last batch, −1 where there is none. */
  readonly lastFetchedEpoch: number;
  /** Of followers: where their log begins; −1 as in `FollowerFetch.isComplete`. */
  readonly logStartOffset: number;
}

export type ForgottenPartition = Pick<AskedPartition, 'topic' | 'topicId' | 'index'>;

/** What a session looks at in the answer for a partition. */
export interface PartitionAnswer {
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly logStartOffset?: number | undefined;
  readonly records: { readonly length: number } | null;
  readonly divergingEpoch?: object | undefined;
  readonly preferredReadReplica?: number | undefined;
}

/** What the client was told last of a partition, −1 when it has to be told again. */
export interface Told {
  readonly highWatermark: number;
  readonly logStartOffset: number;
}

interface CachedPartition extends Told {
  asked: AskedPartition;
  highWatermark: number;
  logStartOffset: number;
}

/** The epoch of the request after one with `epoch`: 1 follows the greatest, since 0 begins a session. */
export function nextEpoch(epoch: number): number {
  return epoch === 2 ** 31 - 1 ? 1 : epoch + 1;
}

/**
 * What one client fetches again and again [KIP-227]: it names only what changes, and is told only what has changed. The
 * partitions are in the order in which they are read; those that gave records go to its end, so that a response that is
 * too small for all is filled by another partition each time.
 */
export class FetchSession {
  readonly usesTopicIds: boolean;
  /** That of the request expected next. */
  epoch = 1;
  readonly #partitions = new Map<string, CachedPartition>();

  constructor(usesTopicIds: boolean, asked: readonly AskedPartition[]) {
    this.usesTopicIds = usesTopicIds;
    this.update(asked, []);
  }

  get size(): number {
    return this.#partitions.size;
  }

  /** In the order in which they are read. */
  asked(): AskedPartition[] {
    return Array.from(this.#partitions.values(), ({ asked }) => asked);
  }

  /** Goes with `asked`, and changes as the client is told more. */
  told(): Told[] {
    return [...this.#partitions.values()];
  }

  update(asked: readonly AskedPartition[], forgotten: readonly ForgottenPartition[]): void {
    for (const one of asked) {
      const key = this.#keyOf(one);
      const cached = this.#partitions.get(key);
      if (cached === undefined) {
        this.#partitions.set(key, { asked: one, highWatermark: -1, logStartOffset: -1 });
      } else {
        if (one.topic === '') one.topic = cached.asked.topic;
        cached.asked = one;
      }
    }
    for (const one of forgotten) this.#partitions.delete(this.#keyOf(one));
  }

  /**
   * The answers that tell the client something new, remembered as told. `answers[i]` belongs to `asked[i]`, undefined where there is
   * nothing new for certain.
   */
  changed<A extends PartitionAnswer>(
    asked: readonly AskedPartition[],
    answers: readonly (A | undefined)[],
  ): number[] {
    const told: number[] = [];
    for (let i = 0; i < asked.length; i++) {
      const answer = answers[i];
      if (answer === undefined) continue;
      const key = this.#keyOf(asked[i]!);
      const cached = this.#partitions.get(key)!;
      if (!tell(cached, answer)) continue;
      told.push(i);
      if (recordsIn(answer) === 0) continue;
      this.#partitions.delete(key);
      this.#partitions.set(key, cached);
    }
    return told;
  }

  #keyOf({ topic, topicId, index }: ForgottenPartition): string {
    return `${this.usesTopicIds ? topicId : topic}/${index}`;
  }
}

function recordsIn({ records }: PartitionAnswer): number {
  return records === null ? 0 : records.length;
}

/**
 * Whether the answer goes into an incremental response. An error, or that the logs part, makes the partition new to the client once
 * it is over.
 */
function tell(cached: CachedPartition, answer: PartitionAnswer): boolean {
  const { errorCode, highWatermark, logStartOffset = -1, divergingEpoch, preferredReadReplica } = answer;
  const isFailed = errorCode !== ErrorCode.NONE || divergingEpoch !== undefined;
  const isNews =
    isFailed ||
    preferredReadReplica !== undefined ||
    recordsIn(answer) > 0 ||
    highWatermark !== cached.highWatermark ||
    logStartOffset !== cached.logStartOffset;
  cached.highWatermark = isFailed ? -1 : highWatermark;
  cached.logStartOffset = logStartOffset;
  return isNews;
}
