import type { ReadOptions } from '@edgelog/log';
import type { Address } from '@edgelog/runtime';
import { ErrorCode } from '@edgelog/wire';
import type { ClusterView } from '../cluster-view.ts';
import { leaderError, readError } from '../partition/leader-epoch.ts';
import type { Partition } from '../partition/partition.ts';
import type { FollowerAnswer } from '../partition/replication.ts';
import type { AskedPartition, Told } from './session.ts';

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
};

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
  const leaderships = found.map((one) => (typeof one === 'number' ? undefined : one.leadership));
  return {
    refusal: ({ leaderEpoch }, partition, i) => {
      const answer = answers[i];
      return answer?.kind === 'error' ? ErrorCode[answer.error] : leaderError(partition, leaderEpoch);
    },
    endOffset: ({ log }) => log.logEndOffset,
    diverging: (i) => {
      const answer = answers[i];
      return answer?.kind === 'diverging' ? { epoch: answer.epoch, endOffset: answer.endOffset } : undefined;
    },
    news: ({ fetchOffset }, partition, i) => {
      const { replica } = partition;
      const known = told[i]!;
      const isAsItWas =
        replica !== undefined &&
        answers[i]?.kind === 'read' &&
        fetchOffset === replica.logEndOffset &&
        replica.logStartOffset === known.logStartOffset &&
        partition.leadership === leaderships[i] &&
        !partition.isClosed;
      if (!isAsItWas) return 'now';
      return partition.highWatermark === known.highWatermark ? 'none' : 'later';
    },
    options: { withEmpty: true, unflushed: true },
    readsUnflushed: true,
    readsAhead: false,
  };
}
