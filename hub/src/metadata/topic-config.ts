import { boolean, type ConfigDefinition, choice, int, long, ratio, someOf } from './config-definition.ts';

const NO_EFFECT = ' Kept and reported; has no effect in this version of Edgelog.';
/** A week, as Kafka's. */
export const DEFAULT_RETENTION_MS = '604800000';
export const DEFAULT_RETENTION_BYTES = '-1';
const NEVER = '9223372036854775807';

/** What a topic can be configured with, by Kafka's names; `maxMessageBytes` is the hub's own default. */
export function topicConfigDefinitions(maxMessageBytes: number, segmentBytes: number): ConfigDefinition[] {
  return [
    int(0)('max.message.bytes', String(maxMessageBytes), 'Largest record batch accepted, in bytes.'),
    choice(['producer'])(
      'compression.type',
      'producer',
      'Batches are kept as their producer compressed them.',
    ),
    choice(['CreateTime', 'LogAppendTime'])(
      'message.timestamp.type',
      'CreateTime',
      "CreateTime: the producer's timestamps. LogAppendTime: the hub's time at which a batch was appended; batches of gateways keep theirs.",
    ),
    someOf(['delete', 'compact'])(
      'cleanup.policy',
      'delete',
      'What becomes of old records: "delete" deletes them by retention.ms and retention.bytes; "compact" has no effect in this version of Edgelog, so alone it keeps everything.',
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
      '1',
      `Replicas that must have a record before it is acknowledged.${NO_EFFECT}`,
    ),
    boolean('unclean.leader.election.enable', 'false', `Whether a replica out of sync may lead.${NO_EFFECT}`),
    int(1024)('segment.bytes', String(segmentBytes), `The hub's segments hold all partitions.${NO_EFFECT}`),
    long(1)('segment.ms', '604800000', `The hub's segments hold all partitions.${NO_EFFECT}`),
    long(0)('segment.jitter.ms', '0', `The hub's segments hold all partitions.${NO_EFFECT}`),
    int(4)('segment.index.bytes', '10485760', `The hub's log needs no index files.${NO_EFFECT}`),
    int(0)('index.interval.bytes', '4096', `The hub's log needs no index files.${NO_EFFECT}`),
    long(0)('file.delete.delay.ms', '60000', `Files go when nothing in them lives.${NO_EFFECT}`),
    boolean('preallocate', 'false', `Whether files are made at full size.${NO_EFFECT}`),
    long(1)('flush.messages', NEVER, `Every append is flushed before it is acknowledged.${NO_EFFECT}`),
    long(0)('flush.ms', NEVER, `Every append is flushed before it is acknowledged.${NO_EFFECT}`),
    long(0)('delete.retention.ms', '86400000', `How long tombstones outlive compaction.${NO_EFFECT}`),
    long(0)('min.compaction.lag.ms', '0', `Records younger than this are not compacted.${NO_EFFECT}`),
    long(1)('max.compaction.lag.ms', NEVER, `Records older than this are compacted.${NO_EFFECT}`),
    ratio('min.cleanable.dirty.ratio', '0.5', `How much may be overwritten before compaction.${NO_EFFECT}`),
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
  ];
}
