import { MIGRATION_POLICIES } from '../group/index.ts';
import { type HubSettings, hubSettings, STANDALONE_BROKER_ID } from '../settings.ts';
import {
  boolean,
  type ConfigDefinition,
  ConfigSource,
  choice,
  int,
  long,
  short,
  someOf,
  text,
} from './config-definition.ts';
import type { DescribedConfig } from './described-configs.ts';
import { replicationDefaults } from './replication-defaults.ts';
import { DEFAULT_RETENTION_BYTES, DEFAULT_RETENTION_MS } from './topic-config.ts';

const DEFAULTS: HubSettings = hubSettings.parse({ dataDir: '-', brokerId: STANDALONE_BROKER_ID });

/**
 * The hub's settings under the names that Kafka's tools look for, with the value in force. All are read-only: they are
 * changed by a restart. What is as it comes is from DEFAULT_CONFIG, what an operator set from STATIC_BROKER_CONFIG.
 */
export function describeBrokerConfigs(settings: HubSettings, advertised: string): DescribedConfig[] {
  /** One that is a setting of the hub. */
  const of = (define: (value: string) => ConfigDefinition, key: keyof HubSettings): DescribedConfig => {
    const [fallback, definition] = [DEFAULTS, { brokerId: STANDALONE_BROKER_ID, ...settings }].map((one) =>
      define(String(one[key])),
    );
    return described(definition!, fallback!.default);
  };
  const replicas = (setting: string) => `A standalone broker keeps one copy (${setting}).`;
  const builtIn = replicationDefaults({ etcd: settings.etcd, replication: DEFAULTS.replication });
  const inForce = replicationDefaults(settings);
  return [
    of((value) => int(0)('broker.id', value, 'Node id of this broker (brokerId).'), 'brokerId'),
    of((value) => int(0)('node.id', value, 'Node id of this broker (brokerId).'), 'brokerId'),
    of((value) => text('listeners', `PLAINTEXT://${value}`, 'Where Kafka clients connect (kafka).'), 'kafka'),
    described(
      text(
        'advertised.listeners',
        `PLAINTEXT://${advertised}`,
        'What clients are told to connect to (advertise).',
      ),
      settings.advertise === undefined ? `PLAINTEXT://${advertised}` : null,
    ),
    described(text('log.dirs', settings.dataDir, 'The data directory (dataDir).'), null),
    of(
      (value) =>
        int(1)('num.partitions', value, 'Partitions of a topic created without a count (defaultPartitions).'),
      'defaultPartitions',
    ),
    of(
      (value) =>
        boolean(
          'auto.create.topics.enable',
          value,
          'Whether topics are created on first use (autoCreateTopics).',
        ),
      'autoCreateTopics',
    ),
    fixed(boolean('delete.topic.enable', 'true', 'Topics can be deleted.')),
    described(
      int(1)('default.replication.factor', String(inForce.replicas), replicas('replication')),
      String(builtIn.replicas),
    ),
    described(
      int(1)('min.insync.replicas', String(inForce.minInsync), replicas('minInsync')),
      String(builtIn.minInsync),
    ),
    of(
      (value) =>
        int(1)(
          'group.consumer.heartbeat.interval.ms',
          value,
          'How often members of the new group protocol send heartbeats (consumerHeartbeatIntervalMs).',
        ),
      'consumerHeartbeatIntervalMs',
    ),
    of(
      (value) =>
        int(1)(
          'group.consumer.session.timeout.ms',
          value,
          'After how long a silent member of the new group protocol is given up (consumerSessionTimeoutMs).',
        ),
      'consumerSessionTimeoutMs',
    ),
    of(
      (value) =>
        choice(MIGRATION_POLICIES)(
          'group.consumer.migration.policy',
          value,
          'Which way a group with members may change its protocol (consumerMigrationPolicy).',
        ),
      'consumerMigrationPolicy',
    ),
    of(
      (value) =>
        int(1)(
          'offsets.topic.num.partitions',
          value,
          'Partitions of __consumer_offsets, settled when it was made (offsetsPartitions).',
        ),
      'offsetsPartitions',
    ),
    described(
      short(1)('offsets.topic.replication.factor', String(inForce.replicas), replicas('replication')),
      String(builtIn.replicas),
    ),
    of(
      (value) =>
        long(1)(
          'replica.lag.time.max.ms',
          value,
          'How long a replica may lack something before it leaves the in-sync replicas (replicaLagMs).',
        ),
      'replicaLagMs',
    ),
    described(
      { ...text('broker.rack', '', 'Where the broker stands (rack).'), default: settings.rack ?? null },
      null,
    ),
    of(
      (value) => int(0)('message.max.bytes', value, 'Largest record batch accepted (maxMessageBytes).'),
      'maxMessageBytes',
    ),
    of(
      (value) => int(0)('socket.request.max.bytes', value, 'Largest request accepted (maxFrameBytes).'),
      'maxFrameBytes',
    ),
    of(
      (value) => int(0)('max.connections', value, 'Connections served at once (maxConnections).'),
      'maxConnections',
    ),
    of(
      (value) =>
        int(1024)(
          'log.segment.bytes',
          value,
          'Size of a segment of the log, which holds all partitions (segmentBytes).',
        ),
      'segmentBytes',
    ),
    fixed(
      long(-1)(
        'log.retention.ms',
        DEFAULT_RETENTION_MS,
        'How long records are kept after they were appended, where a topic does not say otherwise.',
      ),
    ),
    fixed(
      long(-1)(
        'log.retention.bytes',
        DEFAULT_RETENTION_BYTES,
        'How much of a partition is kept, where a topic does not say otherwise.',
      ),
    ),
    of(
      (value) =>
        long(1)(
          'log.retention.check.interval.ms',
          value,
          'How often records past their retention are looked for (retentionCheckMs).',
        ),
      'retentionCheckMs',
    ),
    fixed(
      someOf(['delete', 'compact'])(
        'log.cleanup.policy',
        'delete',
        'What becomes of old records, where a topic does not say otherwise.',
      ),
    ),
    fixed(
      choice(['producer'])(
        'compression.type',
        'producer',
        'Batches are kept as their producer compressed them.',
      ),
    ),
    fixed(
      choice(['CreateTime'])(
        'log.message.timestamp.type',
        'CreateTime',
        "Timestamps are the producer's, where a topic does not say otherwise.",
      ),
    ),
  ];
}

/** One that nobody can set. */
const fixed = (definition: ConfigDefinition): DescribedConfig => described(definition, definition.default);

/** `definition` with the value in force as its default; `builtIn` is the one with nothing set, null where there is none. */
function described(definition: ConfigDefinition, builtIn: string | null): DescribedConfig {
  const { name, default: value } = definition;
  const source = value === builtIn ? ConfigSource.default : ConfigSource.staticBroker;
  const fallback = { name, value: builtIn, source: ConfigSource.default };
  return { name, value, source, definition, ...(builtIn === null ? {} : { fallback }) };
}
