import { ErrorCode, illegalTopicName, type RequestOf, ZERO_UUID } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import type { ClusterView } from '../cluster-view.ts';
import { INTERNAL_TOPICS } from '../metadata/internal-topics.ts';
import { DEFAULT_PLACEMENT, isRefused } from '../metadata/topic-admin.ts';
import type { Topic } from '../metadata/topics.ts';
import { describedLeadership } from '../partition/leadership.ts';
import { distinctBy } from '../repeated.ts';
import { CLUSTER_OPERATIONS, TOPIC_OPERATIONS } from './authorized-operations.ts';
import type { Handler, Item } from './handler.ts';

/**
 * Metadata: brokers, and topics with their partitions. A topic that is missing is created when client and broker both
 * allow it, and the answer already has it, durable.
 *
 * All topics are asked for with an empty list in version 0 and with null from 1 on. Versions before 4 always allow creation.
 * From 12 on a topic may be asked for by its id, which counts whatever the name says (Java sends an empty one beside it);
 * none is created then. Kafka refuses ids below 12, and looks at ids alone in a request that has both; neither is worth it.
 *
 * What is asked for twice is answered once. POLICY_VIOLATION where a topic would be created and may not be: the broker has too
 * many partitions, or the name differs from another topic's in "." and "_" only.
 */
export const metadata: Handler<'metadata'> = async (request, { broker, client, apiVersion }) => {
  const { clusterId, settings, cluster } = broker;
  const mayCreate = request.allowAutoTopicCreation && settings.autoCreateTopics;
  const isAll = request.topics === null || (apiVersion === 0 && request.topics.length === 0);
  const topics = isAll
    ? Array.from(broker.topics.all(), (topic) => describe(topic, cluster))
    : await findAll(request.topics!, (asked) => find(asked, broker, mayCreate, apiVersion));
  return {
    ...(request.includeClusterAuthorizedOperations
      ? { clusterAuthorizedOperations: CLUSTER_OPERATIONS }
      : undefined),
    brokers: [...cluster.nodes(client.local)],
    clusterId,
    controllerId: cluster.controllerId,
    topics: request.includeTopicAuthorizedOperations
      ? topics.map((topic) => ({ ...topic, topicAuthorizedOperations: TOPIC_OPERATIONS }))
      : topics,
  };
};

type TopicItem = Item<'metadata', 'topics'>;
type Asked = NonNullable<RequestOf<'metadata'>['topics']>[number];

function findAll(asked: readonly Asked[], find: (one: Asked) => TopicItem | Promise<TopicItem>) {
  return Promise.all(distinctBy(asked, ({ name, topicId }) => `${topicId}/${name}`).map(find));
}

function describe(topic: Topic, cluster: ClusterView): TopicItem {
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.isInternal,
    partitions: topic.partitions.map(({ leadership }, partitionIndex) => ({
      partitionIndex,
      ...describedLeadership(leadership, cluster),
    })),
  };
}

function find(
  { name, topicId }: Asked,
  broker: Broker,
  mayCreate: boolean,
  apiVersion: number,
): TopicItem | Promise<TopicItem> {
  const { topics, cluster } = broker;
  if (name === null || topicId !== ZERO_UUID) {
    const topic = topics.byId(topicId);
    if (topic !== undefined) return describe(topic, cluster);
    const unnamed = apiVersion >= 12 ? null : '';
    return { errorCode: ErrorCode.UNKNOWN_TOPIC_ID, name: unnamed, topicId, partitions: [] };
  }
  const existing = topics.get(name);
  if (existing !== undefined) return describe(existing, cluster);
  if (illegalTopicName(name) !== undefined) {
    return { errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION, name, partitions: [] };
  }
  if (!mayCreate || INTERNAL_TOPICS.has(name)) {
    return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, name, partitions: [] };
  }
  if (!topics.hasRoomFor(broker.settings.defaultPartitions) || topics.colliding(name) !== undefined) {
    return { errorCode: ErrorCode.POLICY_VIOLATION, name, partitions: [] };
  }
  return create(name, broker);
}

async function create(name: string, { topicAdmin, settings, cluster, log }: Broker): Promise<TopicItem> {
  const partitions = settings.defaultPartitions;
  const outcome = await topicAdmin.create({ name, partitions, configs: {}, placement: DEFAULT_PLACEMENT });
  if (isRefused(outcome)) return { errorCode: ErrorCode[outcome.error], name, partitions: [] };
  log.info('topic created on first use', { topic: name, partitions });
  return describe(outcome, cluster);
}
