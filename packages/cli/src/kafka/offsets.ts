import { check, type KafkaCluster, type TopicMetadata } from '@edgelog/client';
import { apis, ErrorCode } from '@edgelog/wire';

export const LATEST = -1;
export const EARLIEST = -2;

const GONE: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.LEADER_NOT_AVAILABLE,
]);

/**
 * Offsets at a timestamp (epoch milliseconds, LATEST or EARLIEST), keyed by `partitionKey`: −1 where no record is as
 * new. Partitions without a leader are left out, and those that went away since the metadata was read.
 */
export async function listOffsets(
  cluster: KafkaCluster,
  topics: readonly TopicMetadata[],
  timestamp: number,
): Promise<Map<string, number>> {
  const byLeader = new Map<number, Map<string, number[]>>();
  for (const { name, partitions } of topics) {
    for (const { partitionIndex, leaderId } of partitions) {
      if (name === null || leaderId < 0) continue;
      const ofLeader = byLeader.get(leaderId) ?? new Map<string, number[]>();
      const indexes = ofLeader.get(name) ?? [];
      indexes.push(partitionIndex);
      byLeader.set(leaderId, ofLeader.set(name, indexes));
    }
  }
  const offsets = new Map<string, number>();
  await Promise.all(
    Array.from(byLeader, async ([leader, wanted]) => {
      const answer = await cluster.toBroker(leader, apis.listOffsets, {
        replicaId: -1,
        isolationLevel: 0,
        topics: Array.from(wanted, ([name, indexes]) => ({
          name,
          partitions: indexes.map((partitionIndex) => ({ partitionIndex, timestamp })),
        })),
        timeoutMs: 10_000,
      });
      for (const { name, partitions } of answer.topics) {
        for (const { partitionIndex, errorCode, offset } of partitions) {
          if (GONE.has(errorCode)) continue;
          check(errorCode, `offset of ${name}-${partitionIndex}`);
          offsets.set(partitionKey(name, partitionIndex), offset);
        }
      }
    }),
  );
  return offsets;
}

export function partitionKey(topic: string, partition: number): string {
  return `${topic} ${partition}`;
}
