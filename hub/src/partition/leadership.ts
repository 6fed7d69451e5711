import type { Leadership } from './replication.ts';

/** Who leads and who has a partition, in the fields of Metadata and DescribeTopicPartitions. */
export function describedLeadership({ leaderId, leaderEpoch, replicas, isr }: Leadership) {
  return { leaderId, leaderEpoch, replicaNodes: [...replicas], isrNodes: [...isr] };
}
