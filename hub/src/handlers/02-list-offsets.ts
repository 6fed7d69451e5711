import { ErrorCode } from '@edgelog/wire';
import { leaderEpochError } from '../partition/leader-epoch.ts';
import { offsetOfMaxTimestamp } from '../partition/offset-lookup.ts';
import { LEADER_EPOCH, type Partition } from '../partition/partition.ts';
import type { Handler } from './handler.ts';

const LATEST = -1;
const EARLIEST = -2;
const MAX_TIMESTAMP = -3;
const EARLIEST_LOCAL = -4;
const LATEST_TIERED = -5;

/**
 * ListOffsets: the offset for a timestamp (first record at or after it), or for one of the special values above. Offsets
 * end at the high watermark. A timestamp with no record after it answers offset −1.
 *
 * Left out: tiered storage (LATEST_TIERED answers −1); the isolation level, while there are no transactions.
 */
export const listOffsets: Handler<'listOffsets'> = (request, { broker, apiVersion }) => ({
  topics: request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, currentLeaderEpoch, timestamp }) => {
      const partition = broker.topics.partition(name, partitionIndex);
      if (partition === undefined) return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION };
      const errorCode = leaderEpochError(currentLeaderEpoch);
      if (errorCode !== ErrorCode.NONE) return { partitionIndex, errorCode };
      const { leaderEpoch, ...found } = lookUp(partition, timestamp);
      return apiVersion >= 4 ? { partitionIndex, ...found, leaderEpoch } : { partitionIndex, ...found };
    }),
  })),
});

const found = (offset: number, timestamp = -1) => ({
  errorCode: ErrorCode.NONE,
  offset,
  timestamp,
  leaderEpoch: LEADER_EPOCH,
});
const nothing = { errorCode: ErrorCode.NONE, offset: -1, timestamp: -1, leaderEpoch: -1 };

function lookUp({ log }: Partition, timestamp: number) {
  switch (timestamp) {
    case LATEST:
      return found(log.highWatermark);
    case EARLIEST:
    case EARLIEST_LOCAL:
      return found(log.logStartOffset);
    case LATEST_TIERED:
      return nothing;
  }
  if (timestamp < 0 && timestamp !== MAX_TIMESTAMP)
    return { ...nothing, errorCode: ErrorCode.UNSUPPORTED_VERSION };
  const record = timestamp === MAX_TIMESTAMP ? offsetOfMaxTimestamp(log) : log.offsetForTimestamp(timestamp);
  return record === undefined || record.offset >= log.highWatermark
    ? nothing
    : found(record.offset, record.timestamp);
}
