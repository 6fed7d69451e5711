import type { ReadOptions } from '@edgelog/log';
import type { Address } from '@edgelog/runtime';
import { ErrorCode } from '@edgelog/wire';
import type { ClusterView } from '../cluster-view.ts';
import { leaderError, readError } from '../partition/leader-epoch.ts';
import type { Partition } from '../partition/partition.ts';
import type { FollowerAnswer } from '../partition/replication.ts';
import type { AskedPartition, Rest, Told } from './session.ts';

export type News = 'none' | 'later' | 'now';

/** On whose behalf a fetch reads; `i` says which of the partitions that it asks for. */
export interface Reader {
  /** NONE, or why the partition cannot be read here now. */
  refusal(asked: AskedPartition, partition: Partition, i: number): number;
  /** It is given nothing at or above this. */
  endOffset(partition: Partition): number;
  /** That the log here is another one than the reader's from some offset on: then nothing is read. */
  diverging?(i: number): { epoch: number; endOffset: number } | undefined;
  /** The broker that the partition is better read at: then nothing is read here. */
  preferred?(partition: Partition): number | undefined;
  /** Whether there is anything to answer, or only what can wait for more to come along. Without it: look closely. */
  news?(asked: AskedPartition, partition: Partition, i: number): News;
  /**
   * Whether nothing is to be told of it, after `told` was, until it changes; and then what that ends. Without it: who knows.
   */
  rest?(
    asked: AskedPartition,
    partition: Partition,
    i: number,
    told: Told,
  ): Omit<Rest, 'partition'> | undefined;
  readonly options: Pick<ReadOptions, 'withEmpty' | 'unflushed'>;
  /** Whether it is given what is not on disk yet. */
  readonly readsUnflushed: boolean;
  /** Whether what was read for it ahead serves it. */
  readonly readsAhead: boolean;
}

const consumer = {
  endOffset: ({ highWatermark }: Partition) => highWatermark,
  options: {},
  readsUnflushed: false,
  readsAhead: true,
};

/** A consumer that does not say where it stands. */
export const LEADERS_CONSUMER: Reader = {
  ...consumer,
  refusal: ({ leaderEpoch }, partition) => leaderError(partition, leaderEpoch),
  rest: ({ fetchOffset, leaderEpoch }, partition, _i, told) =>
    leaderError(partition, leaderEpoch) === ErrorCode.NONE &&
    fetchOffset === partition.highWatermark &&
    knowsBounds(told, partition)
      ? CONSUMERS_REST
      : undefined,
};

const CONSUMERS_REST = { endsWithAppend: false };

/** Whether it was told where the partition begins and how far it is committed now. */
function knowsBounds(told: Told, { replica, isClosed, highWatermark }: Partition): boolean {
  return !isClosed && told.logStartOffset === replica?.logStartOffset && told.highWatermark === highWatermark;
}

/** One in a rack: it takes what is committed from any replica in sync, and the leader sends it to one in that rack [KIP-392]. */
export function rackReader(
  rack: string,
  cluster: Pick<ClusterView, 'nodes'>,
  { nodeId, local }: { nodeId: number; local: Address },
): Reader {
  let near: Set<number> | undefined;
  const nearBrokers = (): Set<number> => {
    near ??= new Set(cluster.nodes(local).flatMap((node) => (node.rack === rack ? node.nodeId : [])));
    return near;
  };
  return {
    ...consumer,
    refusal: ({ leaderEpoch }, partition) => readError(partition, leaderEpoch),
    preferred: ({ leadership: { leaderId, isr } }) =>
      leaderId !== nodeId || nearBrokers().has(nodeId) ? undefined : isr.find((id) => nearBrokers().has(id)),
  };
}

/**
 * A broker that follows. Its positions are taken note of at once, and the answers to them stay what they are; whether this broker
 * still leads is looked at again. It is given what is not on this disk yet, so that the two disks write at the same time: what is
 * committed is on both.
 */
export function followerReader(
  { follower, brokerEpoch }: { follower: number; brokerEpoch: number },
  asked: readonly AskedPartition[],
  found: readonly (Partition | number)[],
  told: readonly Told[],
): Reader {
  const answers = found.map((partition, i): FollowerAnswer | undefined => {
    if (typeof partition === 'number' || partition.isClosed) return undefined;
    const {
      fetchOffset: offset,
      leaderEpoch: currentLeaderEpoch,
      lastFetchedEpoch,
      logStartOffset,
    } = asked[i]!;
    const position = { offset, currentLeaderEpoch, lastFetchedEpoch };
    return partition.replication.followed?.({
      ...position,
      follower,
      brokerEpoch,
      isComplete: logStartOffset >= 0,
    });
  });
  const changesThen = found.map((one) => (typeof one === 'number' ? 0 : one.changes));
  // What was stirred since rested: it was answered so before.
  const answerTo = (i: number): FollowerAnswer | undefined => (i < answers.length ? answers[i] : READ);
  const news = (one: AskedPartition, partition: Partition, i: number): News => {
    const { replica, isClosed, highWatermark } = partition;
    const known = told[i]!;
    const isAsItWas =
      replica !== undefined &&
      answerTo(i)?.kind === 'read' &&
      one.fetchOffset === replica.logEndOffset &&
      replica.logStartOffset === known.logStartOffset &&
      leaderError(partition, one.leaderEpoch) === ErrorCode.NONE &&
      !isClosed;
    if (!isAsItWas) return 'now';
    return highWatermark === known.highWatermark ? 'none' : 'later';
  };
  return {
    refusal: ({ leaderEpoch }, partition, i) => {
      const answer = answerTo(i);
      return answer?.kind === 'error' ? ErrorCode[answer.error] : leaderError(partition, leaderEpoch);
    },
    endOffset: ({ log }) => log.logEndOffset,
    diverging: (i) => {
      const answer = answerTo(i);
      return answer?.kind === 'diverging' ? { epoch: answer.epoch, endOffset: answer.endOffset } : undefined;
    },
    news,
    // What has changed since its position was noted is noted again, by another who leads perhaps; so is who may come into sync.
    rest: (one, partition, i) =>
      i < answers.length &&
      partition.changes === changesThen[i] &&
      one.logStartOffset >= 0 &&
      partition.leadership.isr.includes(follower) &&
      news(one, partition, i) === 'none'
        ? { endsWithAppend: true, ended: followersRest(partition, follower, brokerEpoch) }
        : undefined,
    options: { withEmpty: true, unflushed: true },
    readsUnflushed: true,
    readsAhead: false,
  };
}

const READ: FollowerAnswer = { kind: 'read' };

function followersRest(partition: Partition, follower: number, brokerEpoch: number) {
  return (usedAtMs: number) => partition.replication.stillFollowed?.(follower, brokerEpoch, usedAtMs);
}
