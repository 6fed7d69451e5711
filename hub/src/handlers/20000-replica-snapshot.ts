import { encodeProducers } from '@edgelog/log';
import { ErrorCode } from '@edgelog/wire';
import { leaderError } from '../partition/leader-epoch.ts';
import type { Handler } from './handler.ts';

/**
 * ReplicaSnapshot, between brokers: where the leader's log begins and ends, and the states of its producers up to that end. Answered when
 * all of it is committed: no follower that begins with it has to forget part of it again. Where too few replicas are in sync for anything to be
 * committed that would be never, and the follower may be the one that is missing: then as soon as it is on the leader's disk.
 */
export const replicaSnapshot: Handler<'replicaSnapshot'> = async (
  { topicId, partition: index, currentLeaderEpoch },
  { broker },
) => {
  const partition = broker.topics.byId(topicId)?.partitions[index];
  if (partition === undefined) return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION };
  const refusal = leaderError(partition, currentLeaderEpoch);
  if (refusal !== ErrorCode.NONE) return { errorCode: refusal };
  const { log, replication } = partition;
  const { logEndOffset } = log;
  const producers = encodeProducers(log.producers());
  const flushed = broker.store.flushed();
  if (replication.commitRefusal === 'NONE') {
    const outcome = await replication.committed(logEndOffset, flushed);
    if (outcome !== 'NONE') return { errorCode: ErrorCode[outcome] };
  } else await flushed;
  return {
    errorCode: leaderError(partition, currentLeaderEpoch),
    logStartOffset: log.logStartOffset,
    logEndOffset,
    producers,
  };
};
