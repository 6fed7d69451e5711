import { ErrorCode, type ErrorName, type RequestOf } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import { DEFAULT_PLACEMENT, type Placement } from '../metadata/topic-admin.ts';
import { PARTITIONS_MAX, TOPIC_PARTITIONS_MAX } from '../metadata/topics.ts';
import { distinctBy, repeatedIn } from '../repeated.ts';
import type { Handler, Item } from './handler.ts';

/**
 * CreatePartitions: raises a topic's number of partitions to `count`, each topic by itself; never lowers it. The answer
 * comes when the new partitions are durable. Streams of gateways stay in the partitions they have.
 *
 * POLICY_VIOLATION where the hub would get too many partitions. The broker's own topics keep their number, since it
 * places the groups. `timeoutMs` is left out: creation waits for the metadata only (Kafka answers a negative one REQUEST_TIMED_OUT). A topic
 * named twice gets one answer, INVALID_REQUEST.
 */
export const createPartitions: Handler<'createPartitions'> = async (request, { broker }) => {
  const repeated = repeatedIn(request.topics.map(({ name }) => name));
  const results = distinctBy(request.topics, ({ name }) => name).map(async (asked): Promise<ResultItem> => {
    const { name, count } = asked;
    const refusal = repeated.has(name)
      ? refuse('INVALID_REQUEST', 'the request names this topic more than once')
      : check(asked, broker);
    if (refusal !== undefined) return { name, ...refusal };
    if (!request.validateOnly) {
      const topic = broker.topics.get(name)!;
      const refused = await broker.topicAdmin.addPartitions(topic, count, placementOf(asked));
      if (refused !== undefined) return { name, ...refuse(refused.error, refused.message) };
      broker.log.info('partitions added', { topic: name, partitions: count });
    }
    return { name, errorCode: ErrorCode.NONE };
  });
  return { results: await Promise.all(results) };
};

type Asked = RequestOf<'createPartitions'>['topics'][number];
type ResultItem = Item<'createPartitions', 'results'>;

function refuse(error: ErrorName, errorMessage: string) {
  return { errorCode: ErrorCode[error], errorMessage };
}

function placementOf({ assignments }: Asked): Placement {
  return assignments === null
    ? DEFAULT_PLACEMENT
    : { assignment: assignments.map(({ brokerIds }) => brokerIds) };
}

function check(asked: Asked, { topics, topicAdmin }: Broker) {
  const { name, count, assignments } = asked;
  const topic = topics.get(name);
  if (topic === undefined) return refuse('UNKNOWN_TOPIC_OR_PARTITION', 'no such topic');
  if (topic.isInternal) return refuse('INVALID_TOPIC_EXCEPTION', `topic ${name} is the broker's own`);
  const existing = topic.partitions.length;
  if (count <= existing)
    return refuse('INVALID_PARTITIONS', `topic ${name} has ${existing} partitions, ${count} adds none`);
  if (count > TOPIC_PARTITIONS_MAX)
    return refuse('INVALID_PARTITIONS', `more than ${TOPIC_PARTITIONS_MAX} partitions`);
  if (!topics.hasRoomFor(count - existing))
    return refuse('POLICY_VIOLATION', `this broker has up to ${PARTITIONS_MAX} partitions`);
  if (assignments !== null && assignments.length !== count - existing) {
    const added = `${count - existing} partitions added, ${assignments.length} assigned`;
    return refuse('INVALID_REPLICA_ASSIGNMENT', added);
  }
  const misplaced = topicAdmin.checkPlacement(placementOf(asked), count - existing, topic);
  return misplaced && refuse(misplaced.error, misplaced.message);
}
