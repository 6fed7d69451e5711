import { check, type KafkaCluster } from '@edgelog/client';
import { apis, ErrorCode } from '@edgelog/wire';
import type { Outcome } from '../outcomes.ts';

export const PREFERRED = 0;
export const UNCLEAN = 1;

export interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** Elects leaders; null: of all partitions. What became of each, by `TOPIC-INDEX`; of all, those that needed it. */
export async function requestElection(
  cluster: KafkaCluster,
  electionType: typeof PREFERRED | typeof UNCLEAN,
  places: readonly Place[] | null,
): Promise<Outcome[]> {
  const byTopic = places === null ? null : Map.groupBy(places, ({ topic }) => topic);
  const topicPartitions =
    byTopic === null
      ? null
      : Array.from(byTopic, ([topic, some]) => ({
          topic,
          partitions: some.map(({ partition }) => partition),
        }));
  const answer = await cluster.toController(apis.electLeaders, (version) => ({
    ...(version >= 1 || electionType !== PREFERRED ? { electionType } : {}),
    topicPartitions,
    timeoutMs: 30_000,
  }));
  check(answer.errorCode, 'the election');
  return answer.replicaElectionResults.flatMap(({ topic, partitionResult }) =>
    partitionResult.map(({ partitionId, errorCode, errorMessage }) => ({
      name: `${topic}-${partitionId}`,
      errorCode,
      errorMessage,
    })),
  );
}

/** No failure of an election that was to make good what can be made good. */
export const NOT_NOW: ReadonlySet<number> = new Set([
  ErrorCode.ELECTION_NOT_NEEDED,
  ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE,
]);
