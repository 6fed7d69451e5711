export const MIGRATION_POLICIES = ['disabled', 'upgrade', 'downgrade', 'bidirectional'] as const;
export type MigrationPolicy = (typeof MIGRATION_POLICIES)[number];

/** What an operator may tune; names after Kafka's broker configuration, times in milliseconds. */
export interface GroupSettings {
  /** `group.initial.rebalance.delay.ms`: how long a new group waits for more members before its first generation. */
  initialRebalanceDelayMs: number;
  /** How long a new member may wait for its first generation: it does not heartbeat meanwhile. */
  newMemberJoinTimeoutMs: number;
  /** `group.min.session.timeout.ms` */
  sessionTimeoutMinMs: number;
  /** `group.max.session.timeout.ms` */
  sessionTimeoutMaxMs: number;
  /** `group.consumer.session.timeout.ms`, of the new protocol */
  consumerSessionTimeoutMs: number;
  /** `group.consumer.heartbeat.interval.ms` */
  consumerHeartbeatIntervalMs: number;
  /** `group.consumer.migration.policy`: which way a group that runs may change its protocol. */
  consumerMigrationPolicy: MigrationPolicy;
  /** How often a group of the new protocol looks whether the topics that it reads have changed. */
  topicRefreshMs: number;
  /** `group.max.size`: members of one group, those that only hold a member id included. */
  membersMax: number;
  /** Protocol metadata that the members of one group may hold together. */
  groupMetadataBytesMax: number;
  /** `offset.metadata.max.bytes` */
  offsetMetadataBytesMax: number;
  /** `offsets.commit.timeout.ms`: how long an answer waits for the replicas to have what it tells. */
  commitTimeoutMs: number;
  /** `offsets.retention.minutes`: kept so long after the group became empty, or after the commit of a simple consumer. */
  offsetsRetentionMs: number;
  /** `offsets.retention.check.interval.ms` */
  expiryIntervalMs: number;
}

/**
 * Kafka's defaults, but for two: the first generation waits 500 ms instead of 3 s (a gateway's few consumers start together
 * or not at all, and a person at a terminal should not wait), and groups are bounded at all.
 */
export const defaultGroupSettings: GroupSettings = {
  initialRebalanceDelayMs: 500,
  newMemberJoinTimeoutMs: 300_000,
  sessionTimeoutMinMs: 6_000,
  sessionTimeoutMaxMs: 1_800_000,
  consumerSessionTimeoutMs: 45_000,
  consumerHeartbeatIntervalMs: 5_000,
  consumerMigrationPolicy: 'bidirectional',
  topicRefreshMs: 5_000,
  membersMax: 2_000,
  groupMetadataBytesMax: 8 * 1024 * 1024,
  offsetMetadataBytesMax: 4_096,
  commitTimeoutMs: 5_000,
  offsetsRetentionMs: 7 * 24 * 3_600_000,
  expiryIntervalMs: 600_000,
};
