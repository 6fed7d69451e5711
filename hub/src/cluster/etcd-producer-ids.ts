import { assert, EdgelogError } from '@edgelog/base';
import type { EtcdClient } from '@edgelog/etcd';
import { RESERVED_PRODUCER_ID_MIN } from '@edgelog/wire';
import type { ProducerIdSource } from '../metadata/metadata-home.ts';
import type { ClusterKeys } from './keys.ts';
import { parseJson } from './mirror/parse.ts';
import { producerIdsRecord } from './records.ts';

const BLOCK = 1_000;
const TRIES = 10;

/** Producer ids for Kafka clients of all brokers, each given once, ever: a broker takes a block of them at a time from etcd. */
export class EtcdProducerIds implements ProducerIdSource {
  readonly #etcd: EtcdClient;
  readonly #key: string;
  #next = 0;
  #blockEnd = 0;
  #taking: Promise<void> | undefined;

  constructor(etcd: EtcdClient, keys: ClusterKeys) {
    this.#etcd = etcd;
    this.#key = keys.producerIds;
  }

  async allocate(): Promise<number> {
    while (this.#next === this.#blockEnd) {
      this.#taking ??= this.#takeBlock().finally(() => {
        this.#taking = undefined;
      });
      await this.#taking;
    }
    return this.#next++;
  }

  /** A block whose taking has an unknown outcome is nobody's. */
  async #takeBlock(): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const found = await this.#etcd.get(this.#key);
      const begin = found === undefined ? 1 : parseJson(found.value, producerIdsRecord).nextBlock;
      const end = begin + BLOCK;
      assert(end <= RESERVED_PRODUCER_ID_MIN, 'producer ids stay below those of gateways');
      const value = JSON.stringify({ nextBlock: end });
      const { succeeded } = await this.#etcd.txn({
        compare: [{ key: this.#key, modRevision: found?.modRevision ?? 0 }],
        success: [{ put: this.#key, value }],
      });
      if (!succeeded) continue;
      this.#next = begin;
      this.#blockEnd = end;
      return;
    }
    throw new EdgelogError('TIMEOUT', 'no block of producer ids could be taken: too many brokers take one');
  }
}
