import { subscribedNames } from './consumer/subscription.ts';
import { metadataOf } from './responses.ts';
import type { Group } from './state.ts';

/** The protocol type whose member metadata is known: `connect` and others have their own. */
const CONSUMER = 'consumer';

export const isConsumerGroup = (group: Group) =>
  group.consumer !== undefined || group.protocolType === CONSUMER;

/**
 * The topics that the members of a consumer group read, or undefined while nobody can tell: another type of group, no
 * generation yet, or metadata that is none.
 */
export function subscribedTopics(group: Group): ReadonlySet<string> | undefined {
  if (group.consumer) return subscribedNames(group.consumer);
  if (!isConsumerGroup(group)) return undefined;
  const all = new Set<string>();
  if (group.members.size === 0) return all;
  if (group.protocolName === null) return undefined;
  for (const member of group.members.values()) {
    const topics = topicsOf(metadataOf(group, member));
    if (topics === undefined) return undefined;
    for (const topic of topics) all.add(topic);
  }
  return all;
}

/** The fields that every version of ConsumerProtocolSubscription begins with: its number, and the topics. */
function topicsOf(metadata: Buffer): string[] | undefined {
  try {
    const topics: string[] = [];
    let at = 6;
    for (let left = metadata.readInt32BE(2); left > 0; left--) {
      const end = at + 2 + metadata.readInt16BE(at);
      if (end < at + 2 || end > metadata.length) return undefined;
      topics.push(metadata.toString('utf8', at + 2, end));
      at = end;
    }
    return topics;
  } catch {
    // A read past the end: not what the protocol's name promises.
    return undefined;
  }
}
