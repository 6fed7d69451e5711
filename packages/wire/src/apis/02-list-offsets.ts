import { array, int8, int16, int32, int64, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Offset for a timestamp. Special timestamps: -1 the end, -2 the log start, -3 the record with the greatest timestamp
 * [KIP-734] (7+), -4 the earliest local (8+), -5 the latest tiered offset (9+).
 *
 * 2 adds the isolation level, 4 the leader epoch, 6 is flexible.
 */
export const listOffsets = api({
  name: 'ListOffsets',
  key: 2,
  versions: [1, 10],
  flexible: 6,
  request: {
    replicaId: int32(),
    isolationLevel: int8({ since: 2 }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        currentLeaderEpoch: int32({ since: 4, default: -1, ignorable: true }),
        timestamp: int64(),
      }),
    }),
    timeoutMs: int32({ since: 10, ignorable: true }),
  },
  response: {
    throttleTimeMs: int32({ since: 2, ignorable: true }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        timestamp: int64({ default: -1 }),
        offset: int64({ default: -1 }),
        leaderEpoch: int32({ since: 4, default: -1 }),
      }),
    }),
  },
});
