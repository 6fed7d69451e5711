import { ErrorCode, type ErrorName, illegalTopicName, type RequestOf } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import { configConflict, configFault } from '../metadata/config-changes.ts';
import { describeTopicConfigs } from '../metadata/described-configs.ts';
import { METADATA_TOPIC } from '../metadata/internal-topics.ts';
import { isRefused, type Placement } from '../metadata/topic-admin.ts';
import { PARTITIONS_MAX, TOPIC_PARTITIONS_MAX } from '../metadata/topics.ts';
import { distinctBy, repeatedIn } from '../repeated.ts';
import type { Handler, Item } from './handler.ts';

/**
 * CreateTopics: each topic is created or refused by itself; the answer comes when those created are durable.
 *
 * From 4 on −1 partitions or replicas mean the default. A standalone broker takes 1 replica only, and an assignment that names it.
 * Unknown or ill-valued configs are INVALID_CONFIG, so that nobody believes in a setting that is not there. From 5 on the
 * configs in force are returned, from 7 on the topic id. `timeoutMs` is left out: creation waits for the metadata only, never for
 * leaders (Kafka answers a negative one REQUEST_TIMED_OUT). POLICY_VIOLATION on all of a request for more than 10,000 partitions, as in
 * Kafka, and where the hub would get too many. A name may differ from another topic's in more than "." and "_" only, also within
 * one request. An empty `cleanup.policy`, which Kafka takes, would keep all for ever by accident: INVALID_CONFIG.
 */
export const createTopics: Handler<'createTopics'> = async (request, { broker }) => {
  const repeated = repeatedIn(request.topics.map(({ name }) => name));
  const sum = request.topics.reduce((total, asked) => total + partitionsOf(asked, broker), 0);
  const topics = distinctBy(request.topics, ({ name }) => name).map((asked) => {
    const refusal =
      sum > TOPIC_PARTITIONS_MAX
        ? refuse(
            'POLICY_VIOLATION',
            `${sum} partitions in one request, up to ${TOPIC_PARTITIONS_MAX} are allowed`,
          )
        : repeated.has(asked.name)
          ? refuse('INVALID_REQUEST', 'the request names this topic more than once')
          : check(asked, broker);
    if (refusal !== undefined) return { name: asked.name, ...refusal };
    return request.validateOnly ? described(asked, broker) : create(asked, broker);
  });
  return { topics: await Promise.all(topics) };
};

type Asked = RequestOf<'createTopics'>['topics'][number];
type TopicItem = Item<'createTopics', 'topics'>;

function refuse(error: ErrorName, errorMessage: string) {
  return { errorCode: ErrorCode[error], errorMessage };
}

function partitionsOf({ numPartitions, assignments }: Asked, { settings }: Broker): number {
  return (
    assignments.length || (numPartitions === -1 ? settings.defaultPartitions : Math.max(0, numPartitions))
  );
}

function check(asked: Asked, broker: Broker): ReturnType<typeof refuse> | undefined {
  const { topics, topicAdmin } = broker;
  const { name, numPartitions, replicationFactor, assignments, configs } = asked;
  const illegal = illegalTopicName(name);
  if (illegal !== undefined) return refuse('INVALID_TOPIC_EXCEPTION', illegal);
  if (name === METADATA_TOPIC) return refuse('INVALID_REQUEST', `${name} is no topic that can be created`);
  if (topics.get(name) !== undefined) return refuse('TOPIC_ALREADY_EXISTS', `topic ${name} already exists`);
  const collision = topics.colliding(name);
  if (collision !== undefined)
    return refuse('INVALID_TOPIC_EXCEPTION', `the name differs from topic ${collision} in "." and "_" only`);
  if (assignments.length > 0) {
    if (numPartitions !== -1 || replicationFactor !== -1) {
      return refuse(
        'INVALID_REQUEST',
        'an assignment excludes numbers of partitions and replicas: both must be -1',
      );
    }
    const indexes = new Set(assignments.map(({ partitionIndex }) => partitionIndex));
    const isConsecutive = assignments.every((_, index) => indexes.has(index));
    if (!isConsecutive)
      return refuse('INVALID_REPLICA_ASSIGNMENT', 'partitions must be numbered 0, 1, 2 and so on');
  } else if (numPartitions !== -1 && numPartitions < 1) {
    return refuse('INVALID_PARTITIONS', `${numPartitions} partitions`);
  }
  const misplaced = topicAdmin.checkPlacement(placementOf(asked), partitionsOf(asked, broker));
  if (misplaced !== undefined) return refuse(misplaced.error, misplaced.message);
  if (!topics.hasRoomFor(partitionsOf(asked, broker)))
    return refuse('POLICY_VIOLATION', `this broker has up to ${PARTITIONS_MAX} partitions`);
  for (const { name: key, value } of configs) {
    if (value === null) return refuse('INVALID_CONFIG', `topic config ${key} has no value`);
    const fault = configFault(topics.definitions.get(key), key, value.trim());
    if (fault !== undefined) return refuse('INVALID_CONFIG', fault);
  }
  const conflict = configConflict(topics.definitions, configsOf(asked));
  return conflict === undefined ? undefined : refuse('INVALID_CONFIG', conflict);
}

/** As they are kept; none of them is without a value. */
function configsOf({ configs }: Asked): Record<string, string> {
  return Object.fromEntries(configs.map(({ name, value }) => [name, value!.trim()]));
}

function placementOf({ assignments, replicationFactor }: Asked): Placement {
  if (assignments.length === 0) return { replicas: replicationFactor };
  const inOrder = assignments.toSorted((a, b) => a.partitionIndex - b.partitionIndex);
  return { assignment: inOrder.map(({ brokerIds }) => brokerIds) };
}

function described(asked: Asked, broker: Broker): TopicItem {
  const { topics, topicAdmin, settings } = broker;
  const placement = placementOf(asked);
  const replicas = 'assignment' in placement ? placement.assignment[0]!.length : placement.replicas;
  return {
    name: asked.name,
    ...refuse('NONE', ''),
    errorMessage: null,
    numPartitions: partitionsOf(asked, broker),
    replicationFactor: replicas === -1 ? topicAdmin.defaultReplicas : replicas,
    configs: describeTopicConfigs(topics.definitions, configsOf(asked), settings).map(
      ({ name, value, source }) => ({
        name,
        value,
        readOnly: false,
        configSource: source,
        isSensitive: false,
      }),
    ),
  };
}

async function create(asked: Asked, broker: Broker): Promise<TopicItem> {
  const { topicAdmin, log } = broker;
  const { name } = asked;
  const partitions = partitionsOf(asked, broker);
  const configs = configsOf(asked);
  const outcome = await topicAdmin.create({ name, partitions, configs, placement: placementOf(asked) });
  if (isRefused(outcome)) return { name, ...refuse(outcome.error, outcome.message) };
  log.info('topic created', { topic: name, partitions, configs });
  return { ...described(asked, broker), topicId: outcome.id };
}
