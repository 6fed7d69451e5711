import type { Assignment } from '../assignment.ts';

export interface Subscriber {
  readonly memberId: string;
  readonly instanceId: string | null;
  /** Ids of the existing topics that it subscribed to. */
  readonly topicIds: ReadonlySet<string>;
  /** What it was to have until now; may name topics that are gone. */
  readonly previous: Assignment;
}

/**
 * Who is to read what: every partition of a topic that somebody subscribed to goes to exactly one of its subscribers. `partitions` has the
 * count of each topic. Gives an entry for every subscriber.
 */
export type Assignor = (
  subscribers: readonly Subscriber[],
  partitions: ReadonlyMap<string, number>,
) => Map<string, Assignment>;

export const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

export function sameTopics(subscribers: readonly Subscriber[]): boolean {
  const first = subscribers[0]?.topicIds;
  return subscribers.every(
    ({ topicIds }) => topicIds.size === first!.size && [...topicIds].every((topicId) => first!.has(topicId)),
  );
}
