import { EdgelogError } from '@edgelog/base';
import { ErrorCode, type RequestOf } from '@edgelog/wire';
import { damageError } from '../fetch/damage.ts';
import { leaderError } from '../partition/leader-epoch.ts';
import { offsetOfMaxTimestamp } from '../partition/offset-lookup.ts';
import type { Partition } from '../partition/partition.ts';
import { repeatedIn } from '../repeated.ts';
import type { Handler, RequestContext } from './handler.ts';

const LATEST = -1;
const EARLIEST = -2;
const MAX_TIMESTAMP = -3;
const EARLIEST_LOCAL = -4;
const LATEST_TIERED = -5;

/** The version that each special timestamp came with. */
const SINCE: Readonly<Record<number, number>> = {
  [LATEST]: 1,
  [EARLIEST]: 1,
  [MAX_TIMESTAMP]: 7,
  [EARLIEST_LOCAL]: 8,
  [LATEST_TIERED]: 9,
};

/**
 * ListOffsets: the offset for a timestamp (first record at or after it), or for one of the special values above. Offsets
 * end at the high watermark. A timestamp with no record after it answers offset −1. A special value that the version does
 * not know is UNSUPPORTED_VERSION, a partition that is asked for twice INVALID_REQUEST.
 *
 * Without tiered storage all of a log is local, and LATEST_TIERED answers −1.
 * The record with the greatest timestamp is looked for among those that can be read: Kafka tells one below the log start.
 * Left out: the isolation level, while there are no transactions.
 */
export const listOffsets: Handler<'listOffsets'> = (request, context) => {
  const twice = repeatedIn(
    request.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex }) => `${name}/${partitionIndex}`),
    ),
  );
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((asked) => {
        const { partitionIndex } = asked;
        if (twice.has(`${name}/${partitionIndex}`))
          return { partitionIndex, errorCode: ErrorCode.INVALID_REQUEST };
        const { leaderEpoch, ...answer } = find(name, asked, context);
        return context.apiVersion >= 4
          ? { partitionIndex, ...answer, leaderEpoch }
          : { partitionIndex, ...answer };
      }),
    })),
  };
};

type Asked = RequestOf<'listOffsets'>['topics'][number]['partitions'][number];

interface Answer {
  errorCode: number;
  offset: number;
  timestamp: number;
  leaderEpoch: number;
}

const failed = (errorCode: number): Answer => ({ errorCode, offset: -1, timestamp: -1, leaderEpoch: -1 });
const nothing = failed(ErrorCode.NONE);
/** The epoch is the one that wrote the record, where there is one at the offset; else the leader's. */
function found({ leadership, log }: Partition, offset: number, timestamp = -1): Answer {
  const leaderEpoch = log.leaderEpochs.epochAt(offset) ?? leadership.leaderEpoch;
  return { errorCode: ErrorCode.NONE, offset, timestamp, leaderEpoch };
}

function find(topic: string, asked: Asked, { broker, apiVersion }: RequestContext): Answer {
  const { partitionIndex, currentLeaderEpoch, timestamp } = asked;
  const partition = broker.topics.partition(topic, partitionIndex);
  if (partition === undefined) return failed(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  if (timestamp < 0 && apiVersion < (SINCE[timestamp] ?? Number.POSITIVE_INFINITY)) {
    return failed(ErrorCode.UNSUPPORTED_VERSION);
  }
  const errorCode = leaderError(partition, currentLeaderEpoch);
  if (errorCode !== ErrorCode.NONE) return failed(errorCode);
  try {
    return lookUp(partition, timestamp);
  } catch (error) {
    if (!(error instanceof EdgelogError)) throw error;
    return failed(damageError(error, partition));
  }
}

function lookUp(partition: Partition, timestamp: number): Answer {
  const { log, highWatermark, replication } = partition;
  const isEndAsked = timestamp === LATEST || timestamp === MAX_TIMESTAMP;
  if (isEndAsked && !replication.isHighWatermarkKnown) return failed(ErrorCode.OFFSET_NOT_AVAILABLE);
  switch (timestamp) {
    case LATEST:
      return found(partition, highWatermark);
    case EARLIEST:
    case EARLIEST_LOCAL:
      return found(partition, log.logStartOffset);
    case LATEST_TIERED:
      return nothing;
  }
  const committed = { offsetForTimestamp: (from: number) => log.offsetForTimestamp(from, highWatermark) };
  const record =
    timestamp === MAX_TIMESTAMP ? offsetOfMaxTimestamp(committed) : committed.offsetForTimestamp(timestamp);
  return record === undefined ? nothing : found(partition, record.offset, record.timestamp);
}
