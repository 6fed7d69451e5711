import type { IsrOutcome, IsrProposal } from '@edgelog/cluster';
import type { ClusterKeys, GuardedWrites } from '../cluster/index.ts';

/** Transactions under way at once: when a broker is back, all its partitions ask for one. */
const IN_FLIGHT_MAX = 32;

/** Changes of in-sync replicas as compare-and-swap in etcd. */
export class IsrSwaps {
  readonly #writes: GuardedWrites;
  readonly #keys: ClusterKeys;
  #inFlight = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(writes: GuardedWrites, keys: ClusterKeys) {
    this.#writes = writes;
    this.#keys = keys;
  }

  async swap(
    topicId: string,
    index: number,
    { record, expected, brokerEpochs }: IsrProposal,
  ): Promise<IsrOutcome> {
    await this.#turn();
    try {
      const key = this.#keys.partition(topicId, index);
      const outcome = await this.#writes.txn({
        compare: [
          { key, modRevision: expected },
          ...brokerEpochs.map(({ brokerId, brokerEpoch }) => ({
            key: this.#keys.broker(brokerId),
            createRevision: brokerEpoch,
          })),
        ],
        success: [{ put: key, value: JSON.stringify(record) }],
        failure: [{ range: { key } }],
      });
      if (outcome.kind === 'done') return { kind: 'done', record, revision: outcome.revision };
      if (outcome.kind === 'failed') return { kind: 'refused' };
      if (outcome.kind === 'unknown') return { kind: 'unknown' };
      const [found] = outcome.results;
      const isAsExpected = found?.kind === 'range' && found.kvs[0]?.modRevision === expected;
      return { kind: isAsExpected ? 'refused' : 'unknown' };
    } finally {
      this.#inFlight -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#inFlight >= IN_FLIGHT_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#inFlight += 1;
  }
}
