import { type Assignment, fromSets, partitionsOf } from '../assignment.ts';
import { type Assignor, byText, type Subscriber, sameTopics } from './assignor.ts';

/** A subscriber while partitions are dealt out. */
interface Share {
  readonly subscriber: Subscriber;
  readonly topics: Map<string, Set<number>>;
  count: number;
}

/**
 * As even as the subscriptions allow, over all topics together, and with as few moves as that takes: members keep what they
 * had unless it is too much.
 */
export const uniform: Assignor = (subscribers, partitions) => {
  const shares = subscribers
    .toSorted((a, b) => byText(a.memberId, b.memberId))
    .map((subscriber): Share => ({ subscriber, topics: new Map(), count: 0 }));
  if (shares.length > 0) {
    if (sameTopics(subscribers)) dealEvenly(shares, partitions);
    else dealByLoad(shares, partitions);
  }
  return new Map<string, Assignment>(
    shares.map(({ subscriber, topics }) => [subscriber.memberId, fromSets(topics)]),
  );
};

/** Everybody may have everything: each gets the quota, and as many as are left over one more. */
function dealEvenly(shares: readonly Share[], partitions: ReadonlyMap<string, number>): void {
  const pool = poolOf(shares, partitions);
  const quota = Math.floor(pool.size / shares.length);
  let extras = pool.size % shares.length;
  for (const share of shares) {
    for (const [topicId, partition] of partitionsOf(share.subscriber.previous)) {
      if (!pool.has(topicId, partition)) continue;
      if (share.count > quota || (share.count === quota && extras === 0)) break;
      if (share.count === quota) extras--;
      give(share, topicId, partition);
      pool.take(topicId, partition);
    }
  }
  let turn = 0;
  for (const [topicId, partition] of pool.left()) {
    const index = nextBelow(shares, quota, turn) ?? nextBelow(shares, quota + 1, turn)!;
    give(shares[index]!, topicId, partition);
    turn = index + 1;
  }
}

function nextBelow(shares: readonly Share[], count: number, from: number): number | undefined {
  for (let i = 0; i < shares.length; i++) {
    const index = (from + i) % shares.length;
    if (shares[index]!.count < count) return index;
  }
  return undefined;
}

/** Subscriptions differ: what is free goes to the least loaded who may have it, then partitions move while that evens out. */
function dealByLoad(shares: readonly Share[], partitions: ReadonlyMap<string, number>): void {
  const pool = poolOf(shares, partitions);
  const readers = new Map<string, Share[]>();
  for (const share of shares) {
    for (const topicId of share.subscriber.topicIds) {
      const list = readers.get(topicId) ?? [];
      readers.set(topicId, list);
      list.push(share);
    }
    for (const [topicId, partition] of partitionsOf(share.subscriber.previous)) {
      if (!share.subscriber.topicIds.has(topicId) || !pool.has(topicId, partition)) continue;
      give(share, topicId, partition);
      pool.take(topicId, partition);
    }
  }
  const free = [...pool.left()].sort((a, b) => readers.get(a[0])!.length - readers.get(b[0])!.length);
  for (const [topicId, partition] of free) give(leastLoaded(readers.get(topicId)!), topicId, partition);
  while (evenOut(shares, readers));
}

/** Every move makes the sum of squares smaller, so it ends. */
function evenOut(shares: readonly Share[], readers: ReadonlyMap<string, readonly Share[]>): boolean {
  let moved = false;
  for (const share of shares.toSorted((a, b) => b.count - a.count)) {
    for (const [topicId, set] of share.topics) {
      for (const partition of [...set]) {
        const other = leastLoaded(readers.get(topicId)!);
        if (other.count + 1 >= share.count) break;
        set.delete(partition);
        share.count--;
        give(other, topicId, partition);
        moved = true;
      }
    }
  }
  return moved;
}

function leastLoaded(shares: readonly Share[]): Share {
  let least = shares[0]!;
  for (const share of shares) if (share.count < least.count) least = share;
  return least;
}

function give(share: Share, topicId: string, partition: number): void {
  const set = share.topics.get(topicId) ?? new Set();
  share.topics.set(topicId, set);
  set.add(partition);
  share.count++;
}

/** The partitions that nobody has yet, of all topics that somebody subscribed to. */
function poolOf(shares: readonly Share[], partitions: ReadonlyMap<string, number>) {
  const free = new Map<string, Set<number>>();
  for (const { subscriber } of shares) {
    for (const topicId of subscriber.topicIds) {
      if (free.has(topicId)) continue;
      free.set(topicId, new Set(Array.from({ length: partitions.get(topicId)! }, (_, i) => i)));
    }
  }
  let size = 0;
  for (const set of free.values()) size += set.size;
  return {
    size,
    has: (topicId: string, partition: number) => free.get(topicId)?.has(partition) ?? false,
    take: (topicId: string, partition: number) => free.get(topicId)!.delete(partition),
    *left(): Generator<readonly [topicId: string, partition: number]> {
      for (const topicId of [...free.keys()].sort(byText)) {
        for (const partition of free.get(topicId)!) yield [topicId, partition];
      }
    },
  };
}
