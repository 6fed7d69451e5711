import { createInterface } from 'node:readline/promises';
import { EdgelogError } from '@edgelog/base';
import { check, type KafkaCluster } from '@edgelog/client';
import { apis, ErrorCode } from '@edgelog/wire';
import { reportOutcomes } from '../outcomes.ts';
import { findTopics } from '../topics/filter.ts';
import { type Place, PREFERRED, requestElection, UNCLEAN } from './elections.ts';

interface Output {
  readonly json: boolean;
}

/** Has partitions led by their preferred replica: of these topics, or of all. */
export async function electPreferred(
  cluster: KafkaCluster,
  words: readonly string[],
  { json }: Output,
): Promise<number> {
  const places =
    words.length === 0
      ? null
      : (await findTopics(cluster, words)).flatMap(({ name, partitions }) =>
          partitions.map(({ partitionIndex }) => ({ topic: name ?? '', partition: partitionIndex })),
        );
  const outcomes = await requestElection(cluster, PREFERRED, places);
  const tolerated = ErrorCode.ELECTION_NOT_NEEDED;
  return reportOutcomes(outcomes, { kind: 'leader of', done: 'elected', tolerated, json });
}

/**
 * Has partitions without a leader led by any replica that is alive, after it has said what that loses and somebody has agreed. Throws
 * REFUSED where nobody has.
 */
export async function electUnclean(
  cluster: KafkaCluster,
  places: readonly Place[],
  { json, yes }: Output & { yes: boolean },
): Promise<number> {
  const warnings = await warningsOf(cluster, places);
  for (const warning of warnings) process.stderr.write(`edgelog: ${warning}\n`);
  if (!yes && warnings.length > 0) await demandConsent();
  const outcomes = await requestElection(cluster, UNCLEAN, places);
  return reportOutcomes(outcomes, { kind: 'leader of', done: 'elected', json });
}

/** One for each partition that nobody leads. */
async function warningsOf(cluster: KafkaCluster, places: readonly Place[]): Promise<string[]> {
  const answer = await cluster.toAny(apis.describeTopicPartitions, {
    topics: [...new Set(places.map(({ topic }) => topic))].map((name) => ({ name })),
    responsePartitionLimit: 2_000,
    cursor: null,
  });
  return answer.topics.flatMap(({ name, errorCode, partitions }) => {
    check(errorCode, `topic ${name}`);
    const wanted = partitions.filter(({ partitionIndex, leaderId }) => {
      const isNamed = places.some((one) => one.topic === name && one.partition === partitionIndex);
      return isNamed && leaderId < 0;
    });
    return wanted.map(
      ({ partitionIndex, replicaNodes, isrNodes, eligibleLeaderReplicas, offlineReplicas }) => {
        const inSync = [...isrNodes, ...(eligibleLeaderReplicas ?? [])];
        const alive = replicaNodes.filter((id) => !offlineReplicas.includes(id));
        const where = `${name}-${partitionIndex}`;
        if (alive.length === 0) return `${where}: none of its replicas (${replicaNodes.join(', ')}) is alive`;
        const last =
          inSync.length === 0 ? 'nobody is known to be in sync' : `in sync last: ${inSync.join(', ')}`;
        return `${where}: ${last}. Broker ${alive[0]} is to lead with what it has: records that it lacks ARE LOST for good, though they were acknowledged, and are cut off from the others when they come back.`;
      },
    );
  });
}

async function demandConsent(): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new EdgelogError('REFUSED', 'nothing was changed; --yes agrees to what may be lost');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question('Type "yes" to go on: ');
    if (answer.trim() !== 'yes') throw new EdgelogError('REFUSED', 'nothing was changed');
  } finally {
    prompt.close();
  }
}

/** `TOPIC:PARTITION`, as Kafka's tools name partitions. Throws CONFIG_INVALID. */
export function parsePlace(text: string): Place {
  const match = /^(.+):(\d+)$/.exec(text);
  if (match === null)
    throw new EdgelogError(
      'CONFIG_INVALID',
      `--partition = ${JSON.stringify(text)}: expected TOPIC:PARTITION`,
    );
  return { topic: match[1]!, partition: Number(match[2]) };
}
