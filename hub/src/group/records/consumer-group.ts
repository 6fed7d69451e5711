import { array, bigint64, bytes, int8, int32, int64, message, string, struct, uuid } from '@edgelog/wire';

/**
 * What a group of the new protocol keeps in `__consumer_offsets` [KIP-848], each under a key type of its own. Left out: type 4, which
 * Kafka 4.1 replaced by the metadata hash.
 */
const VERSION = [0, 0] as const;

export const groupKey = message({
  name: 'ConsumerGroupKey',
  versions: VERSION,
  fields: { groupId: string() },
});

export const memberKey = message({
  name: 'ConsumerGroupMemberKey',
  versions: VERSION,
  fields: { groupId: string(), memberId: string() },
});

export const regularExpressionKey = message({
  name: 'ConsumerGroupRegularExpressionKey',
  versions: VERSION,
  fields: { groupId: string(), regularExpression: string() },
});

export const groupValue = message({
  name: 'ConsumerGroupMetadataValue',
  versions: VERSION,
  flexible: 0,
  fields: { epoch: int32(), metadataHash: bigint64({ tagged: { tag: 0, since: 0 } }) },
});

export const memberValue = message({
  name: 'ConsumerGroupMemberMetadataValue',
  versions: VERSION,
  flexible: 0,
  fields: {
    instanceId: string({ nullable: 0 }),
    rackId: string({ nullable: 0 }),
    clientId: string(),
    clientHost: string(),
    subscribedTopicNames: array(string()),
    subscribedTopicRegex: string({ nullable: 0 }),
    rebalanceTimeoutMs: int32({ default: -1 }),
    serverAssignor: string({ nullable: 0 }),
    classicMemberMetadata: struct(
      { sessionTimeoutMs: int32(), supportedProtocols: array({ name: string(), metadata: bytes() }) },
      { nullable: 0, tagged: { tag: 0, since: 0 }, default: null },
    ),
  },
});

export const targetEpochValue = message({
  name: 'ConsumerGroupTargetAssignmentMetadataValue',
  versions: VERSION,
  flexible: 0,
  fields: { assignmentEpoch: int32() },
});

const topicPartitions = () => array({ topicId: uuid(), partitions: array(int32()) });

export const targetAssignmentValue = message({
  name: 'ConsumerGroupTargetAssignmentMemberValue',
  versions: VERSION,
  flexible: 0,
  fields: { topicPartitions: topicPartitions() },
});

export const currentAssignmentValue = message({
  name: 'ConsumerGroupCurrentMemberAssignmentValue',
  versions: VERSION,
  flexible: 0,
  fields: {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    assignedPartitions: topicPartitions(),
    partitionsPendingRevocation: topicPartitions(),
  },
});

export const regularExpressionValue = message({
  name: 'ConsumerGroupRegularExpressionValue',
  versions: VERSION,
  flexible: 0,
  fields: { topics: array(string()), version: int64(), timestamp: int64() },
});

export interface TopicPartitions {
  readonly topicId: string;
  readonly partitions: readonly number[];
}

/** What a member that speaks the classic protocol gave with its join. */
export interface ClassicMemberMetadata {
  readonly sessionTimeoutMs: number;
  /** In its order of preference; all of them say the same of its subscription. */
  readonly supportedProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
}

/** What a member said of itself. */
export interface ConsumerMemberValue {
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly subscribedTopicNames: readonly string[];
  /** Empty or null without one. */
  readonly subscribedTopicRegex: string | null;
  readonly rebalanceTimeoutMs: number;
  readonly serverAssignor: string | null;
  /** Null for a member of the new protocol. */
  readonly classicMemberMetadata: ClassicMemberMetadata | null;
}

/** How far a member has come towards its target. */
export interface CurrentAssignmentValue {
  readonly memberEpoch: number;
  readonly previousMemberEpoch: number;
  /** 0 stable, 1 has partitions to revoke, 2 waits for partitions of others. */
  readonly state: number;
  readonly assignedPartitions: readonly TopicPartitions[];
  readonly partitionsPendingRevocation: readonly TopicPartitions[];
}

interface OfGroup<T extends string, V> {
  readonly type: T;
  readonly groupId: string;
  readonly value: V | null;
}
type OfMember<T extends string, V> = OfGroup<T, V> & { readonly memberId: string };

export type ConsumerGroupRecord =
  | OfGroup<'consumerGroup', { readonly epoch: number; readonly metadataHash: bigint }>
  | OfGroup<'targetEpoch', { readonly assignmentEpoch: number }>
  | OfMember<'consumerMember', ConsumerMemberValue>
  | OfMember<'targetAssignment', { readonly topicPartitions: readonly TopicPartitions[] }>
  | OfMember<'currentAssignment', CurrentAssignmentValue>
  | (OfGroup<
      'regularExpression',
      { readonly topics: readonly string[]; readonly version: number; readonly timestamp: number }
    > & { readonly regularExpression: string });
