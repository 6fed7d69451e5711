import type { Assignment } from '../assignment.ts';
import { type Assignor, byText, type Subscriber } from './assignor.ts';

/**
 * Each topic is cut into ranges, one for each subscriber in the same order, so that members have the same partitions of
 * topics of the same size. Static members come first, by instance id, which keeps ranges in place over restarts.
 */
export const range: Assignor = (subscribers, partitions) => {
  const sorted = subscribers.toSorted(byInstance);
  const readers = new Map<string, Subscriber[]>();
  for (const subscriber of sorted) {
    for (const topicId of subscriber.topicIds) {
      const list = readers.get(topicId) ?? [];
      readers.set(topicId, list);
      list.push(subscriber);
    }
  }
  const assigned = new Map<string, Map<string, readonly number[]>>();
  for (const { memberId } of sorted) assigned.set(memberId, new Map());
  for (const [topicId, list] of readers) {
    const count = partitions.get(topicId)!;
    const quota = Math.floor(count / list.length);
    const extra = count % list.length;
    let from = 0;
    for (const [i, { memberId }] of list.entries()) {
      const size = quota + (i < extra ? 1 : 0);
      const first = from;
      if (size > 0)
        assigned.get(memberId)!.set(
          topicId,
          Array.from({ length: size }, (_, k) => first + k),
        );
      from += size;
    }
  }
  return assigned satisfies Map<string, Assignment>;
};

function byInstance(a: Subscriber, b: Subscriber): number {
  if (a.instanceId !== null && b.instanceId !== null) return byText(a.instanceId, b.instanceId);
  if (a.instanceId !== null) return -1;
  if (b.instanceId !== null) return 1;
  return byText(a.memberId, b.memberId);
}
