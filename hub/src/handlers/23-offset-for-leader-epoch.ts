import { ErrorCode } from '@edgelog/wire';
import { leaderError } from '../partition/leader-epoch.ts';
import type { Partition } from '../partition/partition.ts';
import type { Handler } from './handler.ts';

/**
 * OffsetForLeaderEpoch: where a leader epoch ends, so that a client can see whether its log was truncated [KIP-320]. The
 * newest ends with what is on this disk, an older one where the next began. The high watermark bounds neither: a leader that has
 * just begun may know one that is lower than what consumers have read already. An epoch newer than all, or below 0, answers −1
 * (Kafka answers −2 for −2).
 */
export const offsetForLeaderEpoch: Handler<'offsetForLeaderEpoch'> = (request, { broker }) => ({
  topics: request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition: index, currentLeaderEpoch, leaderEpoch }) => {
      const partition = broker.topics.partition(topic, index);
      if (partition === undefined) {
        return { partition: index, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION };
      }
      const errorCode = leaderError(partition, currentLeaderEpoch);
      if (errorCode !== ErrorCode.NONE || leaderEpoch < 0) return { partition: index, errorCode };
      return { partition: index, errorCode, ...endOf(partition, leaderEpoch) };
    }),
  })),
});

/** Nothing where the epoch is not known. */
function endOf({ leadership, log }: Partition, leaderEpoch: number) {
  const { flushedEndOffset } = log;
  if (leaderEpoch === leadership.leaderEpoch) return { leaderEpoch, endOffset: flushedEndOffset };
  const end = log.leaderEpochs.endOffsetFor(leaderEpoch);
  return end && { leaderEpoch: end.epoch, endOffset: Math.min(end.endOffset, flushedEndOffset) };
}
