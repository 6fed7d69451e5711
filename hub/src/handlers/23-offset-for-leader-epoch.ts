import { ErrorCode } from '@edgelog/wire';
import { leaderEpochError } from '../partition/leader-epoch.ts';
import { LEADER_EPOCH } from '../partition/partition.ts';
import type { Handler } from './handler.ts';

/**
 * OffsetForLeaderEpoch: where a leader epoch ends, so that a client can see whether its log was truncated [KIP-320]. A
 * standalone broker has had one epoch, which ends at the end of the log; any other answers −1
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
      const errorCode = leaderEpochError(currentLeaderEpoch);
      if (errorCode !== ErrorCode.NONE || leaderEpoch !== LEADER_EPOCH)
        return { partition: index, errorCode };
      return { partition: index, errorCode, leaderEpoch, endOffset: partition.log.highWatermark };
    }),
  })),
});
