import { EdgelogError } from '@edgelog/base';
import type { EtcdTable } from '../cluster/index.ts';
import type { RecordTable } from './record-table.ts';

/** Records in the metadata of the cluster, as this broker mirrors them. */
export class ClusterTable<R> implements RecordTable<R> {
  readonly swapsAtOnce = 32;
  readonly #table: Pick<EtcdTable<R>, 'get' | 'all' | 'put'>;
  readonly #closed: AbortSignal;

  /** `closed`: nothing is tried again from then on. */
  constructor(table: Pick<EtcdTable<R>, 'get' | 'all' | 'put'>, closed: AbortSignal) {
    this.#table = table;
    this.#closed = closed;
  }

  get(key: string): R | undefined {
    return this.#table.get(key)?.record;
  }

  *all(): Iterable<readonly [string, R]> {
    for (const { id, record } of this.#table.all()) yield [id, record];
  }

  async swap(key: string, known: R | undefined, record: R): Promise<boolean> {
    const entry = this.#table.get(key);
    if (entry?.record !== known) return false;
    return (await this.#table.put(key, record, entry?.revision ?? 0)) !== undefined;
  }

  isWorthRetrying(error: unknown): boolean {
    return error instanceof EdgelogError && !this.#closed.aborted;
  }
}
