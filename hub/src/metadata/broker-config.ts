import type { HubSettings } from '../settings.ts';
import { boolean, type ConfigDefinition, choice, int, long, someOf, text } from './config-definition.ts';
import { DEFAULT_RETENTION_BYTES, DEFAULT_RETENTION_MS } from './topic-config.ts';

/** The hub's settings under the names that Kafka's tools look for. All are read-only: they are changed by a restart. */
export function brokerConfigDefinitions(settings: HubSettings, advertised: string): ConfigDefinition[] {
  const { brokerId, kafka, dataDir, defaultPartitions, autoCreateTopics } = settings;
  return [
    int(0)('broker.id', String(brokerId), 'Node id of this broker (brokerId).'),
    int(0)('node.id', String(brokerId), 'Node id of this broker (brokerId).'),
    text('listeners', `PLAINTEXT://${kafka}`, 'Where Kafka clients connect (kafka).'),
    text(
      'advertised.listeners',
      `PLAINTEXT://${advertised}`,
      'What clients are told to connect to (advertise).',
    ),
    text('log.dirs', dataDir, 'The data directory (dataDir).'),
    int(1)(
      'num.partitions',
      String(defaultPartitions),
      'Partitions of a topic created without a count (defaultPartitions).',
    ),
    boolean(
      'auto.create.topics.enable',
      String(autoCreateTopics),
      'Whether topics are created on first use (autoCreateTopics).',
    ),
    boolean('delete.topic.enable', 'true', 'Topics can be deleted.'),
    int(1)('default.replication.factor', '1', 'A standalone broker keeps one copy.'),
    int(1)('min.insync.replicas', '1', 'A standalone broker keeps one copy.'),
    int(1)(
      'offsets.topic.num.partitions',
      String(settings.offsetsPartitions),
      'Partitions of __consumer_offsets (offsetsPartitions).',
    ),
    int(1)('offsets.topic.replication.factor', '1', 'A standalone broker keeps one copy.'),
    int(0)(
      'message.max.bytes',
      String(settings.maxMessageBytes),
      'Largest record batch accepted (maxMessageBytes).',
    ),
    int(0)(
      'socket.request.max.bytes',
      String(settings.maxFrameBytes),
      'Largest request accepted (maxFrameBytes).',
    ),
    int(0)(
      'max.connections',
      String(settings.maxConnections),
      'Connections served at once (maxConnections).',
    ),
    int(1024)('log.segment.bytes', String(settings.segmentBytes), 'Size of a log segment (segmentBytes).'),
    long(-1)(
      'log.retention.ms',
      DEFAULT_RETENTION_MS,
      'How long records are kept after they were appended, where a topic does not say otherwise.',
    ),
    long(-1)(
      'log.retention.bytes',
      DEFAULT_RETENTION_BYTES,
      'How much of a partition is kept, where a topic does not say otherwise.',
    ),
    long(1)(
      'log.retention.check.interval.ms',
      String(settings.retentionCheckMs),
      'How often records past their retention are looked for (retentionCheckMs).',
    ),
    someOf(['delete', 'compact'])('log.cleanup.policy', 'delete', 'What becomes of old records.'),
    choice(['producer'])(
      'compression.type',
      'producer',
      'Batches are kept as their producer compressed them.',
    ),
    choice(['CreateTime'])('log.message.timestamp.type', 'CreateTime', "Timestamps are the producer's."),
  ];
}
