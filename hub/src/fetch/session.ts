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

/** What ends a partition's rest. */
export interface Rest {
  readonly partition: { readonly whenChanged: Set<() => void>; readonly whenAppended: Set<() => void> };
  /** Whether records that are not on disk yet do. */
  readonly endsWithAppend: boolean;
  /** Called when it ends, with when the client came last. */
  readonly ended?: ((usedAtMs: number) => void) | undefined;
}

interface CachedPartition extends Told {
  asked: AskedPartition;
  highWatermark: number;
  logStartOffset: number;
  /** Its place among all in the order in which they are read. */
  order: number;
  /** While it rests. */
  rest: { readonly until: Rest; readonly stir: () => void } | undefined;
}

/** The partitions that one request looks at: those that do not rest when it comes, and those that are stirred while it waits. */
export class Attention {
  readonly entries: CachedPartition[];
  readonly asked: AskedPartition[];
  /** Goes with `asked`, and changes as the client is told more. */
  readonly told: readonly Told[];
  /** Called with the index of one that was stirred, when it is there. */
  readonly whenStirred = new Set<(i: number) => void>();

  /** In the order in which they are read. */
  constructor(entries: CachedPartition[]) {
    this.entries = entries;
    this.asked = entries.map(({ asked }) => asked);
    this.told = entries;
  }

  add(entry: CachedPartition): void {
    const i = this.entries.push(entry) - 1;
    this.asked.push(entry.asked);
    for (const notify of this.whenStirred) notify(i);
  }
}

/** The epoch of the request after one with `epoch`: 1 follows the greatest, since 0 begins a session. */
export function nextEpoch(epoch: number): number {
  return epoch === 2 ** 31 - 1 ? 1 : epoch + 1;
}

/**
 * What one client fetches again and again [KIP-227]: it names only what changes, and is told only what has changed. The
 * partitions are in the order in which they are read; those that gave records go to its end, so that a response that is
 * too small for all is filled by another partition each time.
 *
 * Partitions that have nothing to tell rest: no request looks at them until they change or the client names them again. Each
 * rests on its own registration with what it waits for, which ends with the rest: a session that nobody uses any more costs a
 * partition no more than one call.
 */
export class FetchSession {
  readonly usesTopicIds: boolean;
  /** That of the request expected next. */
  epoch = 1;
  readonly #partitions = new Map<string, CachedPartition>();
  readonly #awake = new Set<CachedPartition>();
  #lastOrder = 0;
  #attention: Attention | undefined;
  #reader: string;
  #usedAtMs: number;
  #isClosed = false;

  /** `reader`: on whose behalf. */
  constructor(usesTopicIds: boolean, asked: readonly AskedPartition[], reader: string, nowMs: number) {
    this.usesTopicIds = usesTopicIds;
    this.#reader = reader;
    this.#usedAtMs = nowMs;
    this.#update(asked, []);
  }

  get size(): number {
    return this.#partitions.size;
  }

  /** The client comes again, for somebody else if `reader` is another: then nothing rests. */
  use(
    { asked, forgotten }: { asked: readonly AskedPartition[]; forgotten: readonly ForgottenPartition[] },
    reader: string,
    nowMs: number,
  ): void {
    this.#attention = undefined;
    if (reader !== this.#reader) for (const entry of this.#partitions.values()) this.#stir(entry);
    this.#reader = reader;
    this.#update(asked, forgotten);
    this.#usedAtMs = nowMs;
  }

  /** To be asked for once by each request. */
  attend(): Attention {
    this.#attention = new Attention([...this.#awake].sort((a, b) => a.order - b.order));
    return this.#attention;
  }

  /**
   * The answers that tell the client something new, remembered as told. `answers[i]` belongs to `asked[i]`, undefined where there is
   * nothing new for certain.
   */
  changed({ entries }: Attention, answers: readonly (PartitionAnswer | undefined)[]): number[] {
    this.#attention = undefined;
    const told: number[] = [];
    for (const [i, answer] of answers.entries()) {
      const entry = entries[i]!;
      if (answer === undefined || !tell(entry, answer)) continue;
      told.push(i);
      if (recordsIn(answer) > 0) entry.order = ++this.#lastOrder;
    }
    return told;
  }

  /** Nothing is to be told of the partition until it changes. */
  rest({ entries }: Attention, i: number, until: Rest): void {
    const entry = entries[i]!;
    if (this.#isClosed || !this.#awake.delete(entry)) return;
    const stir = (): void => {
      if (entry.rest?.stir === stir) this.#stir(entry);
    };
    entry.rest = { until, stir };
    until.partition.whenChanged.add(stir);
    if (until.endsWithAppend) until.partition.whenAppended.add(stir);
  }

  /** It is used no more. */
  close(): void {
    this.#isClosed = true;
    for (const entry of this.#partitions.values()) endRest(entry);
  }

  #stir(entry: CachedPartition): void {
    const { rest } = entry;
    if (rest === undefined) return;
    endRest(entry);
    this.#awake.add(entry);
    rest.until.ended?.(this.#usedAtMs);
    this.#attention?.add(entry);
  }

  #update(asked: readonly AskedPartition[], forgotten: readonly ForgottenPartition[]): void {
    for (const one of asked) {
      const key = this.#keyOf(one);
      const existing = this.#partitions.get(key);
      if (existing !== undefined) {
        if (one.topic === '') one.topic = existing.asked.topic;
        existing.asked = one;
        this.#stir(existing);
        continue;
      }
      const order = ++this.#lastOrder;
      const entry = { asked: one, highWatermark: -1, logStartOffset: -1, order, rest: undefined };
      this.#partitions.set(key, entry);
      this.#awake.add(entry);
    }
    for (const one of forgotten) {
      const key = this.#keyOf(one);
      const entry = this.#partitions.get(key);
      if (entry === undefined) continue;
      this.#partitions.delete(key);
      this.#awake.delete(entry);
      endRest(entry);
    }
  }

  #keyOf({ topic, topicId, index }: ForgottenPartition): string {
    return `${this.usesTopicIds ? topicId : topic}/${index}`;
  }
}

function endRest(entry: CachedPartition): void {
  if (entry.rest === undefined) return;
  const { until, stir } = entry.rest;
  until.partition.whenChanged.delete(stir);
  until.partition.whenAppended.delete(stir);
  entry.rest = undefined;
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
