import { check, type KafkaCluster, refusal } from '@edgelog/client';
import type { Move } from '@edgelog/cluster';
import { apis, ErrorCode, errorCodes, errorName } from '@edgelog/wire';

/** Partitions of one request. */
const AT_ONCE = 500;
/** Clients take it for a topic that is about to come; here it is one that is gone. */
const UNKNOWN = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;

export interface FailedMove {
  readonly topic: string;
  readonly partition: number;
  readonly error: string;
  /** Whether it may well be taken when it is asked for again. */
  readonly mayPass: boolean;
}

/** Has these partitions moved; `to` null calls a move off. Returns those that were refused. Throws REFUSED when the whole was. */
export async function beginMoves(
  cluster: KafkaCluster,
  moves: readonly (Pick<Move, 'topic' | 'partition'> & { readonly to: readonly number[] | null })[],
): Promise<FailedMove[]> {
  const failed: FailedMove[] = [];
  for (let at = 0; at < moves.length; at += AT_ONCE) {
    const byTopic = Map.groupBy(moves.slice(at, at + AT_ONCE), ({ topic }) => topic);
    const answer = await cluster.toController(apis.alterPartitionReassignments, {
      timeoutMs: 30_000,
      topics: Array.from(byTopic, ([name, partitions]) => ({
        name,
        partitions: partitions.map(({ partition, to }) => ({ partitionIndex: partition, replicas: to })),
      })),
    });
    check(answer.errorCode, 'the moves', answer.errorMessage);
    for (const { name: topic, partitions } of answer.responses) {
      for (const { partitionIndex: partition, errorCode, errorMessage } of partitions) {
        if (errorCode === ErrorCode.NONE) continue;
        const { message } = refusal(errorCode, `${topic}-${partition}`, errorMessage);
        const mayPass = errorCodes[errorName(errorCode)].retriable && errorCode !== UNKNOWN;
        failed.push({ topic, partition, error: message, mayPass });
      }
    }
  }
  return failed;
}
