import type { LeaderEpochs } from '@edgelog/log';

/** What of a log decides where a follower goes on. */
export interface LogBounds {
  readonly leaderEpochs: LeaderEpochs;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
}

export interface FollowerPosition {
  /** The leader epoch that the follower believes in. */
  readonly currentLeaderEpoch: number;
  /** Where it goes on: its log's end. */
  readonly offset: number;
  /** The epoch of its last batch, −1 for an empty log. */
  readonly lastFetchedEpoch: number;
}

export type FetchAnswer =
  | { kind: 'read' }
  /** Up to where the logs may agree; the follower truncates and asks again [KIP-595]. */
  | { kind: 'diverging'; epoch: number; endOffset: number }
  | { kind: 'error'; error: 'FENCED_LEADER_EPOCH' | 'UNKNOWN_LEADER_EPOCH' | 'OFFSET_OUT_OF_RANGE' };

/** How a leader of `epoch` answers a fetch at that position (CLUSTER.md, "Follower fetch"). */
export function answerFetch(log: LogBounds, epoch: number, follower: FollowerPosition): FetchAnswer {
  const { currentLeaderEpoch, offset, lastFetchedEpoch } = follower;
  if (currentLeaderEpoch < epoch) return { kind: 'error', error: 'FENCED_LEADER_EPOCH' };
  if (currentLeaderEpoch > epoch) return { kind: 'error', error: 'UNKNOWN_LEADER_EPOCH' };
  if (offset < log.logStartOffset) return { kind: 'error', error: 'OFFSET_OUT_OF_RANGE' };
  if (lastFetchedEpoch >= 0) {
    const end = log.leaderEpochs.endOffsetFor(lastFetchedEpoch);
    if (end === undefined) return { kind: 'error', error: 'OFFSET_OUT_OF_RANGE' };
    if (end.epoch < lastFetchedEpoch || end.endOffset < offset) return { kind: 'diverging', ...end };
  }
  return offset > log.logEndOffset ? { kind: 'error', error: 'OFFSET_OUT_OF_RANGE' } : { kind: 'read' };
}

/** Where a follower cuts its log after `diverging`; it then asks again, for the logs may part even earlier. */
export function truncationFor(log: LogBounds, diverging: { epoch: number; endOffset: number }): number {
  const mine = log.leaderEpochs.endOffsetFor(diverging.epoch);
  const end = Math.min(diverging.endOffset, log.logEndOffset);
  return mine === undefined ? end : Math.min(end, mine.endOffset);
}

/** What a follower does when the leader has nothing at its position; the bounds are the leader's. */
export function outOfRange(
  log: LogBounds,
  leader: { logStartOffset: number; logEndOffset: number },
): { truncateTo: number } | { startAnewAt: number } | undefined {
  if (leader.logEndOffset < log.logEndOffset) return { truncateTo: leader.logEndOffset };
  if (leader.logStartOffset > log.logEndOffset) return { startAnewAt: leader.logStartOffset };
  return undefined;
}
