import { ErrorCode } from '@edgelog/wire';
import type { ClusterView } from '../cluster-view.ts';
import type { Leadership } from './replication.ts';

const NOBODY = -1;

/**
 * Who leads and who has a partition, in the fields of Metadata and DescribeTopicPartitions: LEADER_NOT_AVAILABLE where nobody leads,
 * or one who is away. Kafka's version 0 of Metadata leaves replicas out that are away; here they are told in all versions.
 */
export function describedLeadership(
  { leaderId, leaderEpoch, replicas, isr }: Leadership,
  { isAlive }: Pick<ClusterView, 'isAlive'>,
) {
  const isLed = leaderId !== NOBODY && isAlive(leaderId);
  return {
    errorCode: isLed ? ErrorCode.NONE : ErrorCode.LEADER_NOT_AVAILABLE,
    leaderId: isLed ? leaderId : NOBODY,
    leaderEpoch,
    replicaNodes: [...replicas],
    isrNodes: [...isr],
    offlineReplicas: replicas.filter((id) => !isAlive(id)),
  };
}
