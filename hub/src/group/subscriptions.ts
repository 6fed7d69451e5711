import { CONSUMER_PROTOCOL, subscriptionIn } from './consumer/classic-member.ts';
import { subscribedNames } from './consumer/subscription.ts';
import { metadataOf } from './responses.ts';
import type { Group } from './state.ts';

export const isConsumerGroup = (group: Group) =>
  group.consumer !== undefined || group.protocolType === CONSUMER_PROTOCOL;

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
    const topics = subscriptionIn(metadataOf(group, member))?.topics;
    if (topics === undefined) return undefined;
    for (const topic of topics) all.add(topic);
  }
  return all;
}
