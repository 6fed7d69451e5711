import { ErrorCode, type ErrorName, type RequestOf } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import { inWindows } from '../in-windows.ts';
import type { Refused } from '../metadata/topic-admin.ts';
import type { Handler, Item } from './handler.ts';

const PREFERRED = 0;
const UNCLEAN = 1;

/**
 * ElectLeaders: gives partitions to their preferred leaders, or (type 1, from version 1 on) to any replica that is alive where nobody may
 * lead, which can lose acknowledged records. Null asks for all partitions; those of them that need no election are left out of the
 * answer, as in Kafka. Any other type is INVALID_REQUEST on the whole.
 *
 * Any broker answers; no controller is needed. `timeoutMs` is left out: what is waited for is the metadata only.
 */
export const electLeaders: Handler<'electLeaders'> = async (request, { broker }) => {
  const { electionType, topicPartitions } = request;
  if (electionType !== PREFERRED && electionType !== UNCLEAN)
    return { errorCode: ErrorCode.INVALID_REQUEST, replicaElectionResults: [] };
  const asked = topicPartitions === null ? allPartitions(broker) : partitionsIn(topicPartitions);
  const results = await inWindows(asked, (one) => elect(one, electionType, broker));
  const isTold = ({ errorCode }: PartitionResult) =>
    topicPartitions !== null || errorCode !== ErrorCode.ELECTION_NOT_NEEDED;
  const byTopic = new Map<string, PartitionResult[]>();
  for (const [i, { topic }] of asked.entries()) {
    const told = byTopic.get(topic) ?? [];
    if (isTold(results[i]!)) told.push(results[i]!);
    if (told.length > 0) byTopic.set(topic, told);
  }
  return {
    errorCode: ErrorCode.NONE,
    replicaElectionResults: Array.from(byTopic, ([topic, partitionResult]) => ({ topic, partitionResult })),
  };
};

type PartitionResult = Item<'electLeaders', 'replicaElectionResults'>['partitionResult'][number];

interface Asked {
  readonly topic: string;
  readonly partitionId: number;
}

function allPartitions({ topics }: Broker): Asked[] {
  return Array.from(topics.all()).flatMap(({ name: topic, partitions }) =>
    partitions.map(({ index: partitionId }) => ({ topic, partitionId })),
  );
}

function partitionsIn(topics: NonNullable<RequestOf<'electLeaders'>['topicPartitions']>): Asked[] {
  return topics.flatMap(({ topic, partitions }) =>
    [...new Set(partitions)].map((partitionId) => ({ topic, partitionId })),
  );
}

async function elect(
  { topic: name, partitionId }: Asked,
  electionType: number,
  { topics, clusterAdmin, log }: Broker,
): Promise<PartitionResult> {
  const topic = topics.get(name);
  if (topic === undefined) return told(partitionId, 'UNKNOWN_TOPIC_OR_PARTITION', `no such topic as ${name}`);
  if (topic.partitions[partitionId] === undefined)
    return told(
      partitionId,
      'UNKNOWN_TOPIC_OR_PARTITION',
      `topic ${name} has ${topic.partitions.length} partitions`,
    );
  const isUnclean = electionType === UNCLEAN;
  const refused: Refused | undefined = isUnclean
    ? await clusterAdmin.electUnclean(topic, partitionId)
    : await clusterAdmin.preferFirst(topic, partitionId);
  if (refused !== undefined) return told(partitionId, refused.error, refused.message);
  if (isUnclean) log.warn('unclean election asked for', { topic: name, partition: partitionId });
  return told(partitionId, 'NONE', null);
}

function told(partitionId: number, error: ErrorName, errorMessage: string | null): PartitionResult {
  return { partitionId, errorCode: ErrorCode[error], errorMessage };
}
