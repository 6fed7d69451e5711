import { ErrorCode, type ErrorName, type RequestOf } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import { PARTITIONS_MAX, TOPIC_PARTITIONS_MAX } from '../metadata/topics.ts';
import { distinctBy, repeatedIn } from '../repeated.ts';
import type { Handler, Item } from './handler.ts';

/**
 * CreatePartitions: raises a topic's number of partitions to `count`, each topic by itself; never lowers it. The answer
 * comes when the new partitions are durable. Streams of gateways stay in the partitions they have.
 *
 * POLICY_VIOLATION where the hub would get too many partitions. An assignment can name this broker only. The broker's own topics keep their number, since it places the groups.
 * `timeoutMs` is left out: creation waits for the local disk only (Kafka answers a negative one REQUEST_TIMED_OUT). A topic
 * named twice gets one answer, INVALID_REQUEST.
 */
export const createPartitions: Handler<'createPartitions'> = (request, { broker }) => {
  const repeated = repeatedIn(request.topics.map(({ name }) => name));
  const results = distinctBy(request.topics, ({ name }) => name).map((asked): ResultItem => {
    const { name, count } = asked;
    const refusal = repeated.has(name)
      ? refuse('INVALID_REQUEST', 'the request names this topic more than once')
      : check(asked, broker);
    if (refusal !== undefined) return { name, ...refusal };
    if (!request.validateOnly) {
      broker.topics.addPartitions(name, count);
      broker.log.info('partitions added', { topic: name, partitions: count });
    }
    return { name, errorCode: ErrorCode.NONE };
  });
  return request.validateOnly ? { results } : broker.store.flushed().then(() => ({ results }));
};

type Asked = RequestOf<'createPartitions'>['topics'][number];
type ResultItem = Item<'createPartitions', 'results'>;

function refuse(error: ErrorName, errorMessage: string) {
  return { errorCode: ErrorCode[error], errorMessage };
}

function check({ name, count, assignments }: Asked, { topics, nodeId }: Broker) {
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
  if (assignments === null) return undefined;
  if (assignments.length !== count - existing) {
    const added = `${count - existing} partitions added, ${assignments.length} assigned`;
    return refuse('INVALID_REPLICA_ASSIGNMENT', added);
  }
  if (!assignments.every(({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === nodeId))
    return refuse('INVALID_REPLICA_ASSIGNMENT', `the only broker is ${nodeId}: one replica, there`);
  return undefined;
}
