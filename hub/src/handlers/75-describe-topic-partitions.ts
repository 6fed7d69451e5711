import { ErrorCode, illegalTopicName, type RequestOf, ZERO_UUID } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import type { ClusterView } from '../cluster-view.ts';
import type { Topic } from '../metadata/topics.ts';
import { describedLeadership } from '../partition/leadership.ts';
import { TOPIC_OPERATIONS } from './authorized-operations.ts';
import type { Handler, Item } from './handler.ts';

/** Kafka's `max.request.partition.size.limit`. */
const PAGE_PARTITIONS_MAX = 2000;

/**
 * DescribeTopicPartitions: the partitions of the topics named, or of all where none is, in order of their names. A page ends
 * at the limit, and its cursor says where the next begins [KIP-966]. Topics are never created by it.
 *
 * Topics that do not exist take no room in a page.
 *
 * A cursor at a topic that is not asked for, or below partition 0, is INVALID_REQUEST on every topic, as in Kafka. Nobody
 * is told as last known to be eligible (`lastKnownElr`): who was in the ELR stays there.
 */
export const describeTopicPartitions: Handler<'describeTopicPartitions'> = (request, { broker }) => {
  const { cursor } = request;
  const asked = request.topics.map(({ name }) => name);
  const isAll = asked.length === 0;
  const names = isAll ? Array.from(broker.topics.all(), ({ name }) => name) : [...new Set(asked)];
  const isBadCursor =
    cursor !== null && (cursor.partitionIndex < 0 || !(isAll || names.includes(cursor.topicName)));
  if (isBadCursor) return { topics: asked.map((name) => without(name, ErrorCode.INVALID_REQUEST)) };
  const left = names.filter((name) => cursor === null || name >= cursor.topicName).sort();
  return page(left, request, broker);
};

type TopicItem = Item<'describeTopicPartitions', 'topics'>;

function page(
  names: readonly string[],
  { cursor, responsePartitionLimit }: RequestOf<'describeTopicPartitions'>,
  { topics, cluster }: Broker,
) {
  const answer: TopicItem[] = [];
  let room = Math.max(1, Math.min(responsePartitionLimit, PAGE_PARTITIONS_MAX));
  for (const name of names) {
    const topic = topics.get(name);
    if (topic === undefined) {
      const isIllegal = illegalTopicName(name) !== undefined;
      answer.push(
        without(name, isIllegal ? ErrorCode.INVALID_TOPIC_EXCEPTION : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
      );
      continue;
    }
    if (room === 0) return { topics: answer, nextCursor: { topicName: name, partitionIndex: 0 } };
    const from = cursor?.topicName === name ? cursor.partitionIndex : 0;
    const to = Math.min(topic.partitions.length, from + room);
    answer.push(describe(topic, from, to, cluster));
    if (to < topic.partitions.length)
      return { topics: answer, nextCursor: { topicName: name, partitionIndex: to } };
    room -= Math.max(0, to - from);
  }
  return { topics: answer };
}

function without(name: string, errorCode: number): TopicItem {
  return { errorCode, name, topicId: ZERO_UUID, partitions: [] };
}

function describe(topic: Topic, from: number, to: number, cluster: ClusterView): TopicItem {
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.isInternal,
    partitions: topic.partitions.slice(from, to).map(({ index: partitionIndex, leadership }) => ({
      partitionIndex,
      ...describedLeadership(leadership, cluster),
      eligibleLeaderReplicas: [...leadership.elr],
      lastKnownElr: [],
    })),
    topicAuthorizedOperations: TOPIC_OPERATIONS,
  };
}
