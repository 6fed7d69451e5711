import type { KafkaCluster, TopicMetadata } from '@edgelog/client';
import { apis, ErrorCode, ZERO_UUID } from '@edgelog/wire';
import { EARLIEST, LATEST, listOffsets, partitionKey } from '../kafka/offsets.ts';
import { reportOutcomes } from '../outcomes.ts';
import { printJson, printTable } from '../table.ts';
import { findTopics, isLiteral } from './filter.ts';

interface Output {
  readonly json: boolean;
}

export async function listTopics(
  cluster: KafkaCluster,
  { topic, excludeInternal, json }: Output & { topic: string[]; excludeInternal: boolean },
): Promise<number> {
  const topics = await findTopics(cluster, topic, { mayMiss: true, withInternal: !excludeInternal });
  if (json)
    printJson(
      topics.map(({ name, partitions, isInternal }) => ({ name, partitions: partitions.length, isInternal })),
    );
  else for (const { name } of topics) process.stdout.write(`${name}\n`);
  return 0;
}

export interface DescribeOptions extends Output {
  readonly topic: string[];
  readonly ifExists: boolean;
  readonly underReplicatedPartitions: boolean;
  readonly unavailablePartitions: boolean;
}

/** Without names: all topics but the brokers' own. */
export async function describeTopics(cluster: KafkaCluster, options: DescribeOptions): Promise<number> {
  const found = await findTopics(cluster, options.topic, { mayMiss: options.ifExists, withInternal: false });
  const topics = onlyWanted(found, options);
  const starts = await listOffsets(cluster, topics, EARLIEST);
  const ends = await listOffsets(cluster, topics, LATEST);
  const described = topics.map(({ name, topicId, isInternal, partitions }) => ({
    name,
    topicId,
    isInternal,
    partitions: partitions
      .map(({ partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes }) => ({
        partition: partitionIndex,
        leader: leaderId,
        leaderEpoch,
        replicas: replicaNodes,
        isr: isrNodes,
        startOffset: starts.get(partitionKey(name ?? '', partitionIndex)) ?? null,
        endOffset: ends.get(partitionKey(name ?? '', partitionIndex)) ?? null,
      }))
      .sort((a, b) => a.partition - b.partition),
  }));
  if (options.json) printJson(described);
  else {
    const header = ['TOPIC', 'PARTITION', 'LEADER', 'REPLICAS', 'ISR', 'START', 'END', 'RECORDS'];
    const rows = described.flatMap(({ name, partitions }) =>
      partitions.map(({ partition, leader, replicas, isr, startOffset, endOffset }) => [
        name ?? '',
        partition,
        leader,
        replicas.join(','),
        isr.join(','),
        startOffset ?? '-',
        endOffset ?? '-',
        startOffset === null || endOffset === null ? '-' : endOffset - startOffset,
      ]),
    );
    printTable(header, rows);
  }
  return 0;
}

export interface CreateOptions extends Output {
  readonly topic: string[];
  readonly partitions?: number | undefined;
  readonly replicationFactor?: number | undefined;
  readonly configs: { name: string; value: string }[];
  readonly ifNotExists: boolean;
  readonly timeoutMs: number;
}

export async function createTopics(cluster: KafkaCluster, options: CreateOptions): Promise<number> {
  const answer = await cluster.toController(apis.createTopics, {
    topics: options.topic.map((name) => ({
      name,
      numPartitions: options.partitions ?? -1,
      replicationFactor: options.replicationFactor ?? -1,
      assignments: [],
      configs: options.configs,
    })),
    timeoutMs: options.timeoutMs,
  });
  return reportOutcomes(answer.topics, {
    kind: 'topic',
    done: 'created',
    tolerated: options.ifNotExists ? ErrorCode.TOPIC_ALREADY_EXISTS : undefined,
    json: options.json,
  });
}

export async function deleteTopics(
  cluster: KafkaCluster,
  options: Output & { topic: string[]; ifExists: boolean; timeoutMs: number },
): Promise<number> {
  const { timeoutMs } = options;
  const topic = await namesOf(cluster, options.topic);
  const answer = await cluster.toController(apis.deleteTopics, (version) =>
    version >= 6
      ? { topics: topic.map((name) => ({ name, topicId: ZERO_UUID })), timeoutMs }
      : { topicNames: topic, timeoutMs },
  );
  const outcomes = answer.responses.map((response) => ({ ...response, name: response.name ?? '' }));
  return reportOutcomes(outcomes, {
    kind: 'topic',
    done: 'deleted',
    tolerated: options.ifExists ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : undefined,
    json: options.json,
  });
}

/** Adds partitions: the count is the new total. Records already there stay where they are. */
export async function alterTopics(
  cluster: KafkaCluster,
  options: Output & { topic: string[]; partitions: number; ifExists: boolean; timeoutMs: number },
): Promise<number> {
  const answer = await cluster.toController(apis.createPartitions, {
    topics: (await namesOf(cluster, options.topic)).map((name) => ({
      name,
      count: options.partitions,
      assignments: null,
    })),
    timeoutMs: options.timeoutMs,
    validateOnly: false,
  });
  return reportOutcomes(answer.results, {
    kind: 'topic',
    done: 'altered',
    tolerated: options.ifExists ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : undefined,
    json: options.json,
  });
}

/** The words that are names, whether there is such a topic or not, and the topics that the others match. */
async function namesOf(cluster: KafkaCluster, words: readonly string[]): Promise<string[]> {
  const found = await findTopics(cluster, words, { mayMiss: true, withInternal: false });
  const names = found.map(({ name }) => name ?? '');
  return [...new Set([...words.filter(isLiteral), ...names])];
}

/** With a filter: only the partitions that it is about, and the topics that have any. */
function onlyWanted(topics: TopicMetadata[], options: DescribeOptions): TopicMetadata[] {
  const { underReplicatedPartitions, unavailablePartitions } = options;
  if (!underReplicatedPartitions && !unavailablePartitions) return topics;
  return topics.flatMap((topic) => {
    const partitions = topic.partitions.filter(
      ({ leaderId, isrNodes, replicaNodes }) =>
        (unavailablePartitions && leaderId < 0) ||
        (underReplicatedPartitions && isrNodes.length < replicaNodes.length),
    );
    return partitions.length === 0 ? [] : [{ ...topic, partitions }];
  });
}
