import { ErrorCode, type ErrorName, ZERO_UUID } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import type { Topic } from '../metadata/topics.ts';
import { distinctBy, repeatedIn } from '../repeated.ts';
import type { Handler, Item } from './handler.ts';

/**
 * DeleteTopics: by name, from 6 on by name or id. The answer comes when the deletion is durable; the space follows when the
 * segments hold nothing else that lives. Parked fetches of the topic are answered at once.
 *
 * A topic named twice, be it by name and by id, is not deleted: INVALID_REQUEST, one answer. `timeoutMs` is left out (Kafka
 * answers a negative one REQUEST_TIMED_OUT).
 *
 * Gateways that feed the topic are refused (`topic-missing`) until someone creates it again: ../sync/runs.ts.
 */
export const deleteTopics: Handler<'deleteTopics'> = async (request, { broker, apiVersion }) => {
  const asked =
    apiVersion >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
  const found = asked.map((one) => ({ ...one, topic: find(one, broker) }));
  const keyOf = ({ name, topicId, topic }: (typeof found)[number]) => topic ?? `${name}/${topicId}`;
  const repeated = repeatedIn(found.map(keyOf));
  const responses = distinctBy(found, keyOf).map((one) => {
    const { name, topicId, topic } = one;
    const isById = topicId !== ZERO_UUID;
    if (isById === (name !== null))
      return refuse('INVALID_REQUEST', name, topicId, 'exactly one of name and id');
    if (repeated.has(keyOf(one)))
      return refuse('INVALID_REQUEST', name, topicId, 'the request names this topic more than once');
    if (topic === undefined) {
      const error = isById ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION';
      return refuse(error, name, topicId, 'no such topic');
    }
    return remove(topic, broker);
  });
  return { responses: await Promise.all(responses) };
};

type ResponseItem = Item<'deleteTopics', 'responses'>;

function refuse(error: ErrorName, name: string | null, topicId: string, errorMessage: string): ResponseItem {
  return { name, topicId, errorCode: ErrorCode[error], errorMessage };
}

function find(
  { name, topicId }: { name: string | null; topicId: string },
  { topics }: Broker,
): Topic | undefined {
  return topicId === ZERO_UUID ? topics.get(name ?? '') : topics.byId(topicId);
}

async function remove(topic: Topic, { topicAdmin, log }: Broker): Promise<ResponseItem> {
  const { name, id, partitions } = topic;
  if (topic.isInternal)
    return refuse('INVALID_TOPIC_EXCEPTION', name, id, `topic ${name} is the broker's own`);
  const refused = await topicAdmin.delete(topic);
  if (refused !== undefined) return refuse(refused.error, name, id, refused.message);
  log.info('topic deleted', { topic: name, partitions: partitions.length });
  return { name, topicId: id, errorCode: ErrorCode.NONE };
}
