import { bytes, int16, int32, int64, uuid } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Between brokers: the bounds of a leader's log, and what it knows of producers, for a follower that cannot learn it from records
 * which are gone.
 */
export const replicaSnapshot = api({
  name: 'ReplicaSnapshot',
  key: 20_000,
  versions: [0, 0],
  flexible: 0,
  isInternal: true,
  request: {
    topicId: uuid(),
    partition: int32(),
    currentLeaderEpoch: int32(),
  },
  response: {
    errorCode: int16(),
    logStartOffset: int64({ default: -1 }),
    logEndOffset: int64({ default: -1 }),
    /** The states of producers from all batches below `logEndOffset` (packages/log, `encodeProducers`). */
    producers: bytes({ nullable: 0, default: null }),
  },
});
