import { assert } from '@edgelog/base';
import type { LogStore } from '@edgelog/log';
import { RESERVED_PRODUCER_ID_MIN } from '@edgelog/wire';
import { z } from 'zod';
import type { ProducerIdSource } from '../metadata/metadata-home.ts';
import { putRecord, readRecord } from '../state-record.ts';

const KEY = 'producer-ids';
const BLOCK = 1_000;
const record = z.strictObject({ nextBlock: z.int().min(0) });

/**
 * Producer ids for Kafka clients: each given once, ever. Taken in blocks, so that only every thousandth costs a commit;
 * what is left of a block is lost at a restart.
 */
export class ProducerIds implements ProducerIdSource {
  readonly #store: LogStore;
  #next: number;
  #blockEnd: number;

  constructor(store: LogStore) {
    this.#store = store;
    this.#next = readRecord(store.state, KEY, record)?.nextBlock ?? 1;
    this.#blockEnd = this.#next;
  }

  /** A new id; resolves when no restart can give it again. */
  async allocate(): Promise<number> {
    if (this.#next === this.#blockEnd) {
      this.#blockEnd += BLOCK;
      putRecord(this.#store.state, KEY, record, { nextBlock: this.#blockEnd });
    }
    const id = this.#next++;
    assert(id < RESERVED_PRODUCER_ID_MIN, 'producer ids stay below those of gateways');
    await this.#store.flushed();
    return id;
  }
}
