import { apis, ErrorCode, ZERO_UUID } from '@edgelog/wire';
import { type Cluster, check } from '../kafka/cluster.ts';
import { EARLIEST, LATEST, listOffsets, partitionKey, type TopicMetadata } from '../kafka/offsets.ts';
import { printJson, printTable } from '../table.ts';

interface Output {
  readonly json: boolean;
}

export async function listTopics(cluster: Cluster, { json }: Output): Promise<number> {
  const topics = byName((await cluster.metadata(null)).topics);
  if (json)
    printJson(
      topics.map(({ name, partitions, isInternal }) => ({ name, partitions: partitions.length, isInternal })),
    );
  else for (const { name } of topics) process.stdout.write(`${name}\n`);
  return 0;
}

/** Without names: all topics but the brokers' own. */
export async function describeTopics(
  cluster: Cluster,
  options: Output & { topic: string[] },
): Promise<number> {
  const named = options.topic.length > 0;
  const found = (await cluster.metadata(named ? options.topic : null)).topics;
  for (const { errorCode, name } of found) check(errorCode, `topic ${name}`);
  const topics = byName(found).filter(({ isInternal }) => named || !isInternal);
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

export async function createTopics(cluster: Cluster, options: CreateOptions): Promise<number> {
  const answer = await cluster.requestController(apis.createTopics, {
    topics: options.topic.map((name) => ({
      name,
      numPartitions: options.partitions ?? -1,
      replicationFactor: options.replicationFactor ?? -1,
      assignments: [],
      configs: options.configs,
    })),
    timeoutMs: options.timeoutMs,
  });
  return report(
    answer.topics,
    'created',
    options.ifNotExists ? ErrorCode.TOPIC_ALREADY_EXISTS : undefined,
    options,
  );
}

export async function deleteTopics(
  cluster: Cluster,
  options: Output & { topic: string[]; ifExists: boolean; timeoutMs: number },
): Promise<number> {
  const { topic, timeoutMs } = options;
  const answer = await cluster.requestController(apis.deleteTopics, (version) =>
    version >= 6
      ? { topics: topic.map((name) => ({ name, topicId: ZERO_UUID })), timeoutMs }
      : { topicNames: topic, timeoutMs },
  );
  const tolerated = options.ifExists ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : undefined;
  return report(answer.responses, 'deleted', tolerated, options);
}

interface Outcome {
  readonly name: string | null;
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** One line per topic; the exit status is 1 when any was refused. */
function report(
  outcomes: readonly Outcome[],
  verb: string,
  tolerated: number | undefined,
  { json }: Output,
): number {
  const results = outcomes.map(({ name, errorCode, errorMessage }) => {
    if (errorCode === ErrorCode.NONE) return { name, [verb]: true };
    if (errorCode === tolerated) return { name, [verb]: false };
    try {
      check(errorCode, `topic ${name}`, errorMessage);
    } catch (error) {
      return { name, [verb]: false, error: (error as Error).message };
    }
    return { name };
  });
  if (json) printJson(results);
  for (const result of results) {
    if (result.error !== undefined) process.stderr.write(`edgelog: ${result.error}\n`);
    else if (!json && result[verb] === true) process.stdout.write(`${verb} topic ${result.name}\n`);
  }
  return results.some(({ error }) => error !== undefined) ? 1 : 0;
}

function byName(topics: readonly TopicMetadata[]): TopicMetadata[] {
  return topics
    .filter(({ errorCode }) => errorCode === ErrorCode.NONE)
    .sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
}
