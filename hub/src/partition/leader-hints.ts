import type { Address } from '@edgelog/runtime';
import { ErrorCode } from '@edgelog/wire';
import type { ClusterNode, ClusterView } from '../cluster-view.ts';
import type { Partition } from './partition.ts';

const HINTED: ReadonlySet<number> = new Set([
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.FENCED_LEADER_EPOCH,
]);

/**
 * Who leads the partitions that a response refuses for want of their leader, so that the client need not ask for metadata first
 * [KIP-951]. Produce has room for it from version 10 on, Fetch from 16.
 */
export class LeaderHints {
  readonly #cluster: Pick<ClusterView, 'isAlive' | 'nodes'>;
  readonly #local: Address;
  readonly #leaders = new Set<number>();

  /** `local`: the address that the client reached. */
  constructor(cluster: Pick<ClusterView, 'isAlive' | 'nodes'>, local: Address) {
    this.#cluster = cluster;
    this.#local = local;
  }

  /** Fields to add to the answer for a partition; none where there is nothing to tell. */
  for(
    { leadership }: Partition,
    errorCode: number,
  ): { currentLeader?: { leaderId: number; leaderEpoch: number } } {
    const { leaderId, leaderEpoch } = leadership;
    if (!HINTED.has(errorCode) || !this.#cluster.isAlive(leaderId)) return {};
    this.#leaders.add(leaderId);
    return { currentLeader: { leaderId, leaderEpoch } };
  }

  /** Where those leaders are: the `nodeEndpoints` of the response. */
  get endpoints(): ClusterNode[] {
    if (this.#leaders.size === 0) return [];
    return this.#cluster.nodes(this.#local).filter(({ nodeId }) => this.#leaders.has(nodeId));
  }
}
