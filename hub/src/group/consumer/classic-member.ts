import { EdgelogError } from '@edgelog/base';
import {
  type ConsumerSubscription,
  type NamedPartitions,
  readConsumerSubscription,
  writeConsumerAssignment,
} from '@edgelog/wire';
import type { ClassicMemberMetadata, ConsumerMemberValue } from '../records/index.ts';
import type { Protocols } from '../state.ts';
import { type Assignment, assignmentOf } from './assignment.ts';
import type { TopicsView } from './topics.ts';

/** The protocol type of classic groups whose metadata is known, and that can have members of the new protocol. */
export const CONSUMER_PROTOCOL = 'consumer';

/** What the member subscribed to, or undefined when its metadata is none: every protocol has the same, so one is read. */
export function subscriptionIn(metadata: Buffer | undefined): ConsumerSubscription | undefined {
  try {
    return metadata && readConsumerSubscription(metadata);
  } catch (error) {
    if (error instanceof EdgelogError) return undefined;
    throw error;
  }
}

/** The parts of a member's record that do not depend on how it is known: by a join, or as a member of a classic group. */
export function classicSaid(
  member: Pick<ConsumerMemberValue, 'instanceId' | 'clientId' | 'clientHost' | 'rebalanceTimeoutMs'>,
  { topics, rackId }: ConsumerSubscription,
  sessionTimeoutMs: number,
  protocols: Protocols,
): ConsumerMemberValue {
  return {
    instanceId: member.instanceId,
    rackId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: [...new Set(topics)].sort(),
    subscribedTopicRegex: null,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    serverAssignor: null,
    classicMemberMetadata: {
      sessionTimeoutMs,
      supportedProtocols: Array.from(protocols, ([name, metadata]) => ({ name, metadata })),
    },
  };
}

export const protocolsIn = ({ supportedProtocols }: ClassicMemberMetadata): Protocols =>
  new Map(supportedProtocols.map(({ name, metadata }) => [name, metadata]));

/** Topics that do not exist are left out. */
export function withIds(list: readonly NamedPartitions[], topics: TopicsView): Assignment {
  return assignmentOf(
    list.flatMap(({ topic, partitions }) => {
      const topicId = topics.get(topic)?.id;
      return topicId === undefined ? [] : [{ topicId, partitions }];
    }),
  );
}

/** What the member is told of an assignment, in the version that it speaks. */
export function assignmentFor(
  { supportedProtocols }: ClassicMemberMetadata,
  assignment: Assignment,
  topics: TopicsView,
): Buffer {
  const named: NamedPartitions[] = [];
  for (const [topicId, partitions] of assignment) {
    const topic = topics.nameOf(topicId);
    if (topic !== undefined) named.push({ topic, partitions });
  }
  return writeConsumerAssignment(subscriptionIn(supportedProtocols[0]?.metadata)?.version ?? 0, named);
}
