import { ErrorCode, type ErrorName, type RequestOf } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import { inWindows } from '../in-windows.ts';
import { distinctBy } from '../repeated.ts';
import type { Handler, Item } from './handler.ts';

const PREFERRED = 0;
const UNCLEAN = 1;

/**
 * ElectLeaders: gives partitions to their preferred leaders, or (type 1, from version 1 on) to any replica that is alive where nobody may
 * lead, which can lose acknowledged records. Null asks for all partitions; those of them that need no election are left out of the
 * answer, as in Kafka. Any other type is INVALID_REQUEST on everything. What is asked for twice is answered once.
 *
 * Any broker answers; no controller is needed. `timeoutMs` is left out: what is waited for is the metadata only.
 */
export const electLeaders: Handler<'electLeaders'> = async (request, { broker }) => {
  const { electionType, topicPartitions } = request;
  const isKnown = electionType === PREFERRED || electionType === UNCLEAN;
  if (!isKnown && topicPartitions === null)
    return { errorCode: ErrorCode.INVALID_REQUEST, replicaElectionResults: [] };
  const topics = topicPartitions === null ? allTopics(broker) : topicsIn(topicPartitions);
  const asked = topics.flatMap(({ topic, partitions }) =>
    partitions.map((partitionId) => ({ topic, partitionId })),
  );
  const results = await inWindows(asked, async (one) =>
    isKnown
      ? elect(one, electionType === UNCLEAN, broker)
      : told(one.partitionId, 'INVALID_REQUEST', `there is no election of type ${electionType}`),
  );
  const byTopic = new Map<string, PartitionResult[]>(topics.map(({ topic }) => [topic, []]));
  for (const [i, { topic }] of asked.entries()) {
    const isTold = topicPartitions !== null || results[i]!.errorCode !== ErrorCode.ELECTION_NOT_NEEDED;
    if (isTold) byTopic.get(topic)!.push(results[i]!);
  }
  const isRefused = !isKnown && topics.length > 0;
  return {
    errorCode: isRefused ? ErrorCode.INVALID_REQUEST : ErrorCode.NONE,
    replicaElectionResults: Array.from(byTopic, ([topic, partitionResult]) => ({ topic, partitionResult })),
  };
};

type PartitionResult = Item<'electLeaders', 'replicaElectionResults'>['partitionResult'][number];

function allTopics({ topics }: Broker) {
  return Array.from(topics.all(), ({ name: topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ index }) => index),
  }));
}

function topicsIn(asked: NonNullable<RequestOf<'electLeaders'>['topicPartitions']>) {
  return distinctBy(asked, ({ topic }) => topic).map(({ topic, partitions }) => ({
    topic,
    partitions: [...new Set(partitions)],
  }));
}

async function elect(
  { topic: name, partitionId }: { topic: string; partitionId: number },
  isUnclean: boolean,
  { topics, clusterAdmin, log }: Broker,
): Promise<PartitionResult> {
  const topic = topics.get(name);
  if (topic === undefined) return told(partitionId, 'UNKNOWN_TOPIC_OR_PARTITION', `no such topic as ${name}`);
  if (topic.partitions[partitionId] === undefined) {
    const message = `topic ${name} has ${topic.partitions.length} partitions`;
    return told(partitionId, 'UNKNOWN_TOPIC_OR_PARTITION', message);
  }
  const refused = isUnclean
    ? await clusterAdmin.electUnclean(topic, partitionId)
    : await clusterAdmin.preferFirst(topic, partitionId);
  if (refused !== undefined) return told(partitionId, refused.error, refused.message);
  if (isUnclean) log.warn('unclean election asked for', { topic: name, partition: partitionId });
  return told(partitionId, 'NONE', null);
}

function told(partitionId: number, error: ErrorName, errorMessage: string | null): PartitionResult {
  return { partitionId, errorCode: ErrorCode[error], errorMessage };
}
