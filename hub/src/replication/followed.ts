import type { PartitionLog } from '@edgelog/log';
import type { Replica } from './replica.ts';

/** Where a follower goes on, as it tells its leader. */
export interface Position {
  readonly offset: number;
  readonly currentLeaderEpoch: number;
  readonly lastFetchedEpoch: number;
  /** −1 says that the records below are here and the states of their producers are not [FollowerFetch.isComplete]. */
  readonly logStartOffset: number;
}

/** A partition that is fetched from one leader in one of its epochs. */
export interface Followed {
  readonly replica: Replica;
  readonly leaderEpoch: number;
  /** What the leader was told last in the fetch session there is. */
  sent: Position | undefined;
  /** Not fetched before, by the monotonic clock. */
  retryAt: number;
  /** The log lacks batches of which the leader knows the producers. */
  lacksProducers: boolean;
}

/** The partition's. */
export const keyOf = ({ topicId, partition }: Replica): string => `${topicId}/${partition.index}`;

/** Of a log that is on disk as a whole. */
export function positionOf({ replica: { log }, leaderEpoch, lacksProducers }: Followed): Position {
  const { logEndOffset, logStartOffset } = log;
  const isComplete = !lacksProducers && log.producersThrough <= logEndOffset;
  return {
    offset: logEndOffset,
    currentLeaderEpoch: leaderEpoch,
    lastFetchedEpoch: lastEpochOf(log),
    logStartOffset: isComplete ? logStartOffset : -1,
  };
}

export function isSamePosition(a: Position, b: Position): boolean {
  return (
    a.offset === b.offset &&
    a.currentLeaderEpoch === b.currentLeaderEpoch &&
    a.lastFetchedEpoch === b.lastFetchedEpoch &&
    a.logStartOffset === b.logStartOffset
  );
}

/** Of the last batch, −1 where there is none. */
function lastEpochOf({ leaderEpochs, logStartOffset, logEndOffset }: PartitionLog): number {
  return logEndOffset === logStartOffset ? -1 : (leaderEpochs.epochAt(logEndOffset - 1) ?? -1);
}
