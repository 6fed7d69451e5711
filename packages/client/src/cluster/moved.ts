import { ErrorCode } from '@edgelog/wire';

/** After these what is known of the topic's leaders is not to be trusted. */
const MOVED: ReadonlySet<unknown> = new Set([
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.REPLICA_NOT_AVAILABLE,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.INCONSISTENT_TOPIC_ID,
]);

/** Whether an answer, to any request that goes to leaders, says that a partition is not where it was asked for. */
export function saysMoved(answer: object): boolean {
  return lists(answer, 'responses', 'topics').some((topic) =>
    lists(topic, 'partitionResponses', 'partitions').some(
      (partition) => 'errorCode' in partition && MOVED.has(partition.errorCode),
    ),
  );
}

function lists(from: object, ...names: string[]): object[] {
  const found = Object.entries(from).find(([name]) => names.includes(name))?.[1];
  return Array.isArray(found) ? found.filter((one) => typeof one === 'object' && one !== null) : [];
}
