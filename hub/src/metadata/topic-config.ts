import {
  boolean,
  type ConfigDefinition,
  ConfigType,
  choice,
  int,
  listOf,
  long,
  ratio,
  someOf,
} from './config-definition.ts';

const NO_EFFECT = ' Kept and reported; has no effect in this version of Edgelog.';
/** A week, as Kafka's. */
export const DEFAULT_RETENTION_MS = '604800000';
export const DEFAULT_RETENTION_BYTES = '-1';
const SHARED = "The hub's segments hold all partitions, so for other topics it has no effect.";
const MOVES =
  'All that a move brings to a broker is slowed down as its follower.replication.throttled.rate says.';
const NEVER = '9223372036854775807';

/** What a topic can be configured with, by Kafka's names; the parameters are the hub's own defaults. */
export function topicConfigDefinitions(
  maxMessageBytes: number,
  segmentBytes: number,
  minInsync = 1,
): ConfigDefinition[] {
  return definitionsOf(maxMessageBytes, segmentBytes, minInsync).map((definition) => {
    const { name } = definition;
    const brokerName = Object.hasOwn(BROKER_NAMES, name) ? BROKER_NAMES[name] : name;
    return brokerName === undefined ? definition : { ...definition, brokerName };
  });
}

/** Where a broker's config has another name than the topic's that falls back to it, or (undefined) there is none. */
const BROKER_NAMES: Readonly<Record<string, string | undefined>> = {
  'cleanup.policy': 'log.cleanup.policy',
  'delete.retention.ms': 'log.cleaner.delete.retention.ms',
  'file.delete.delay.ms': 'log.segment.delete.delay.ms',
  'flush.messages': 'log.flush.interval.messages',
  'flush.ms': 'log.flush.interval.ms',
  'follower.replication.throttled.replicas': undefined,
  'index.interval.bytes': 'log.index.interval.bytes',
  'leader.replication.throttled.replicas': undefined,
  'local.retention.bytes': 'log.local.retention.bytes',
  'local.retention.ms': 'log.local.retention.ms',
  'max.compaction.lag.ms': 'log.cleaner.max.compaction.lag.ms',
  'max.message.bytes': 'message.max.bytes',
  'message.timestamp.after.max.ms': 'log.message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms': 'log.message.timestamp.before.max.ms',
  'message.timestamp.type': 'log.message.timestamp.type',
  'min.cleanable.dirty.ratio': 'log.cleaner.min.cleanable.ratio',
  'min.compaction.lag.ms': 'log.cleaner.min.compaction.lag.ms',
  preallocate: 'log.preallocate',
  'remote.log.copy.disable': undefined,
  'remote.log.delete.on.disable': undefined,
  'remote.storage.enable': undefined,
  'retention.bytes': 'log.retention.bytes',
  'retention.ms': 'log.retention.ms',
  'segment.bytes': 'log.segment.bytes',
  'segment.index.bytes': 'log.index.size.max.bytes',
  'segment.jitter.ms': 'log.roll.jitter.ms',
  'segment.ms': 'log.roll.ms',
};

const PARTITION_AT_BROKER = /^(\*|\d+:\d+)$/;

function definitionsOf(maxMessageBytes: number, segmentBytes: number, minInsync: number): ConfigDefinition[] {
  const throttled = listOf(PARTITION_AT_BROKER, 'PARTITION:BROKER, several with commas, or *');
  return [
    int(0)('max.message.bytes', String(maxMessageBytes), 'Largest record batch accepted, in bytes.'),
    choice(['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'])(
      'compression.type',
      'producer',
      `Batches are kept as their producer compressed them, as "producer" says; no other value changes that.${NO_EFFECT}`,
    ),
    compressionLevel('gzip', -1, 9, '-1'),
    compressionLevel('lz4', 1, 17, '9'),
    compressionLevel('zstd', -131_072, 22, '3'),
    choice(['CreateTime', 'LogAppendTime'])(
      'message.timestamp.type',
      'CreateTime',
      "CreateTime: the producer's timestamps. LogAppendTime: the hub's time at which a batch was appended; batches of gateways keep theirs.",
    ),
    someOf(['delete', 'compact'])(
      'cleanup.policy',
      'delete',
      'What becomes of old records: "delete" deletes them by retention.ms and retention.bytes; "compact" keeps the latest of each key alone. With both, what is kept of the keys is deleted by its age and size as well.',
    ),
    long(-1)(
      'retention.ms',
      DEFAULT_RETENTION_MS,
      'How long records are kept after they were appended here, whatever their own timestamps say; −1 for ever.',
    ),
    long(-1)(
      'retention.bytes',
      DEFAULT_RETENTION_BYTES,
      'How many bytes of batches of each partition are kept at least, beyond which the oldest are deleted; −1 for all.',
    ),
    int(1)(
      'min.insync.replicas',
      String(minInsync),
      'Replicas that must have a record before it is acknowledged (acks=all); of a partition that has fewer, all.',
    ),
    boolean('unclean.leader.election.enable', 'false', `Whether a replica out of sync may lead.${NO_EFFECT}`),
    int(1024)(
      'segment.bytes',
      String(segmentBytes),
      `A compacted topic's partition may hold this much in the segment that is being written, which is not compacted; then a new one is begun. ${SHARED}`,
    ),
    long(1)(
      'segment.ms',
      '604800000',
      `A compacted topic's records may lie this long in the segment that is being written, which is not compacted; then a new one is begun. ${SHARED}`,
    ),
    long(0)('segment.jitter.ms', '0', `The hub's segments hold all partitions.${NO_EFFECT}`),
    int(4)('segment.index.bytes', '10485760', `The hub's log needs no index files.${NO_EFFECT}`),
    int(0)('index.interval.bytes', '4096', `The hub's log needs no index files.${NO_EFFECT}`),
    long(0)('file.delete.delay.ms', '60000', `Files go when nothing in them lives.${NO_EFFECT}`),
    boolean('preallocate', 'false', `Whether files are made at full size.${NO_EFFECT}`),
    long(1)('flush.messages', NEVER, `Every append is flushed before it is acknowledged.${NO_EFFECT}`),
    long(0)('flush.ms', NEVER, `Every append is flushed before it is acknowledged.${NO_EFFECT}`),
    long(0)(
      'delete.retention.ms',
      '86400000',
      'How long a tombstone (a key with the value null) stays after compaction first met it.',
    ),
    long(0)(
      'min.compaction.lag.ms',
      '0',
      'How long after they were appended here records are left alone by compaction.',
    ),
    long(1)(
      'max.compaction.lag.ms',
      NEVER,
      'How long after they were appended here records may wait for compaction, whatever min.cleanable.dirty.ratio says.',
    ),
    ratio(
      'min.cleanable.dirty.ratio',
      '0.5',
      'A partition is compacted when more than this share of its bytes has never been.',
    ),
    long(0)(
      'message.timestamp.before.max.ms',
      NEVER,
      "How far behind the hub's clock the first timestamp of a producer's batch may be.",
    ),
    long(0)(
      'message.timestamp.after.max.ms',
      NEVER,
      "How far ahead of the hub's clock the greatest timestamp of a producer's batch may be.",
    ),
    throttled('leader.replication.throttled.replicas', '', `${MOVES}${NO_EFFECT}`),
    throttled('follower.replication.throttled.replicas', '', `${MOVES}${NO_EFFECT}`),
    {
      ...choice(['false'])('remote.storage.enable', 'false', "Everything is kept on the hub's own disk."),
      type: ConfigType.boolean,
    },
    boolean('remote.log.copy.disable', 'false', `Nothing is copied elsewhere.${NO_EFFECT}`),
    boolean('remote.log.delete.on.disable', 'false', `Nothing is kept elsewhere.${NO_EFFECT}`),
    long(-2)(
      'local.retention.ms',
      '-2',
      `All that is kept is kept here: retention.ms says how long.${NO_EFFECT}`,
    ),
    long(-2)(
      'local.retention.bytes',
      '-2',
      `All that is kept is kept here: retention.bytes says how much.${NO_EFFECT}`,
    ),
  ];
}

function compressionLevel(codec: string, min: number, max: number, fallback: string): ConfigDefinition {
  const definition = int(min, max)(
    `compression.${codec}.level`,
    fallback,
    `The hub compresses nothing itself.${NO_EFFECT}`,
  );
  const { check } = definition;
  // Kafka's validator: 0 is no level of gzip.
  return codec === 'gzip'
    ? {
        ...definition,
        check: (value) => (value === '0' ? 'expected -1 or a number from 1 to 9' : check(value)),
      }
    : definition;
}
