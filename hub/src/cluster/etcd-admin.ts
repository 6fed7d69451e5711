import { electUnclean, NO_LEADER, preferFirst, reassign } from '@edgelog/cluster';
import type { ClusterAdmin } from '../metadata/cluster-admin.ts';
import type { Refused } from '../metadata/topic-admin.ts';
import type { Topic } from '../metadata/topics.ts';
import type { SwapDeps } from './controller/swaps.ts';
import { changePartition } from './partition-swap.ts';

/** What operators do, as swaps of what it was derived from: no controller is needed, which completes what was begun. */
export class EtcdAdmin implements ClusterAdmin {
  readonly #deps: SwapDeps;

  constructor(deps: SwapDeps) {
    this.#deps = deps;
  }

  async reassign(topic: Topic, partition: number, target: readonly number[]): Promise<Refused | undefined> {
    const { metadata } = this.#deps.mirror;
    const unknown = target.find((id) => !metadata.directory(id) && !metadata.broker(id));
    if (unknown !== undefined)
      return { error: 'INVALID_REPLICA_ASSIGNMENT', message: `broker ${unknown} is not known` };
    return changePartition(this.#deps, topic.id, partition, (record) => {
      const next = reassign(record, target);
      return JSON.stringify(next) === JSON.stringify(record) ? record : next;
    });
  }

  async preferFirst(topic: Topic, partition: number): Promise<Refused | undefined> {
    const { metadata } = this.#deps.mirror;
    let hasChanged = false;
    return changePartition(this.#deps, topic.id, partition, (record) => {
      const [first] = record.replicas;
      if (record.leader === first) {
        if (hasChanged) return record;
        return { error: 'ELECTION_NOT_NEEDED', message: `broker ${first} leads it already` };
      }
      hasChanged = true;
      const next = preferFirst(record, metadata.states);
      if (next !== record) return next;
      const message = `broker ${first}, the first replica, is not in sync or not alive`;
      return { error: 'PREFERRED_LEADER_NOT_AVAILABLE', message };
    });
  }

  async electUnclean(topic: Topic, partition: number): Promise<Refused | undefined> {
    const { metadata } = this.#deps.mirror;
    let hasChanged = false;
    return changePartition(this.#deps, topic.id, partition, (record) => {
      if (record.leader !== NO_LEADER) {
        if (hasChanged) return record;
        return { error: 'ELECTION_NOT_NEEDED', message: `broker ${record.leader} leads it` };
      }
      hasChanged = true;
      const next = electUnclean(record, metadata.states);
      if (next !== record) return next;
      return { error: 'ELIGIBLE_LEADERS_NOT_AVAILABLE', message: 'no replica is alive' };
    });
  }

  async unregister(brokerId: number): Promise<Refused | undefined> {
    const { keys, mirror, writes } = this.#deps;
    const { metadata } = mirror;
    const refuse = (message: string): Refused => ({ error: 'INVALID_REQUEST', message });
    const alive = metadata.broker(brokerId);
    if (alive !== undefined)
      return refuse(`broker ${brokerId} is alive at ${alive.record.kafka}: stop it first`);
    const directory = metadata.directory(brokerId);
    if (directory === undefined)
      return { error: 'BROKER_ID_NOT_REGISTERED', message: `no broker has the id ${brokerId}` };
    const held = Array.from(metadata.partitions()).filter(({ record }) => record.replicas.includes(brokerId));
    if (held.length > 0)
      return refuse(`broker ${brokerId} has replicas of ${held.length} partitions: move them first`);
    const key = keys.directory(brokerId);
    const outcome = await writes.txn({
      compare: [
        { key, modRevision: directory.revision },
        { key: keys.broker(brokerId), createRevision: 0 },
      ],
      success: [{ delete: { key } }],
    });
    if (outcome.kind === 'conflict') return refuse(`broker ${brokerId} came back meanwhile`);
    if (outcome.kind !== 'done') return { error: 'REQUEST_TIMED_OUT', message: outcome.error.message };
    await mirror.caughtUp(outcome.revision);
    return undefined;
  }
}
