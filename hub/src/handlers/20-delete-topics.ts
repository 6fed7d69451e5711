import { ErrorCode, type ErrorName, ZERO_UUID } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import type { Topic } from '../metadata/topics.ts';
import type { Handler, Item } from './handler.ts';

/**
 * DeleteTopics: by name, from 6 on by name or id. The answer comes when the deletion is durable; the space follows when the
 * segments hold nothing else that lives. Parked fetches of the topic are answered at once.
 *
 * Gateways that feed the topic are refused (`topic-missing`) until someone creates it again: ../sync/runs.ts.
 */
export const deleteTopics: Handler<'deleteTopics'> = (request, { broker, apiVersion }) => {
  const asked =
    apiVersion >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
  const responses = asked.map(({ name, topicId }): ResponseItem => {
    const isById = topicId !== ZERO_UUID;
    if (isById === (name !== null))
      return refuse('INVALID_REQUEST', name, topicId, 'exactly one of name and id');
    const topic = isById ? broker.topics.byId(topicId) : broker.topics.get(name!);
    if (topic === undefined) {
      const error = isById ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION';
      return refuse(error, name, topicId, 'no such topic');
    }
    return remove(topic, broker);
  });
  return broker.store.flushed().then(() => ({ responses }));
};

type ResponseItem = Item<'deleteTopics', 'responses'>;

function refuse(error: ErrorName, name: string | null, topicId: string, errorMessage: string): ResponseItem {
  return { name, topicId, errorCode: ErrorCode[error], errorMessage };
}

function remove(topic: Topic, { topics, log }: Broker): ResponseItem {
  const { name, id } = topic;
  if (topic.isInternal)
    return refuse('INVALID_TOPIC_EXCEPTION', name, id, `topic ${name} is the broker's own`);
  topics.delete(name);
  log.info('topic deleted', { topic: name, partitions: topic.partitions.length });
  return { name, topicId: id, errorCode: ErrorCode.NONE };
}
