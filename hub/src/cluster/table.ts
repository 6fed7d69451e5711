import { EdgelogError } from '@edgelog/base';
import type { KeyValue } from '@edgelog/etcd';
import type { Logger } from '@edgelog/runtime';
import type { z } from 'zod';
import type { RecordTable } from '../sync/record-table.ts';
import type { ClusterKeys } from './keys.ts';
import type { MetadataMirror } from './mirror/mirror.ts';
import { parseJson } from './mirror/parse.ts';
import type { GuardedWrites } from './writes.ts';

export interface TableDeps {
  readonly keys: ClusterKeys;
  readonly mirror: MetadataMirror;
  readonly writes: GuardedWrites;
  readonly log: Logger;
}

interface Entry<R> {
  readonly record: R;
  /** Of its last change. */
  readonly revision: number;
}

/** Under way in etcd for one table; more are no faster, and hold up the leases there. */
const SWAPS_AT_ONCE = 8;

/**
 * Records of one kind in a folder of the cluster's prefix, mirrored in memory. One that cannot be read counts as not there. It is a
 * `RecordTable` as it stands: its users need no adapter.
 */
export class EtcdTable<R> implements RecordTable<R> {
  readonly swapsAtOnce = SWAPS_AT_ONCE;
  readonly #deps: TableDeps;
  readonly #folder: string;
  readonly #schema: z.ZodType<R>;
  readonly #entries = new Map<string, Entry<R>>();
  readonly #listeners = new Set<(key: string, record: R | undefined) => void>();
  #swapping = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(deps: TableDeps, folder: string, schema: z.ZodType<R>) {
    this.#deps = deps;
    this.#folder = `${folder}/`;
    this.#schema = schema;
    for (const [path, kv] of deps.mirror.metadata.others()) this.#take(path, kv);
    deps.mirror.onChange(({ others }) => {
      for (const { path, after } of others) this.#take(path, after);
    });
  }

  get(key: string): R | undefined {
    return this.#entries.get(key)?.record;
  }

  *all(): Iterable<readonly [key: string, record: R]> {
    for (const [key, { record }] of this.#entries) yield [key, record];
  }

  /** Called for each record that was put, changed or (undefined) removed, by whomever. */
  onChange(listener: (key: string, record: R | undefined) => void): void {
    this.#listeners.add(listener);
  }

  async swap(key: string, known: R | undefined, record: R): Promise<boolean> {
    const written = await this.#inTurn(() => this.#swap(key, known, record));
    if (written === undefined) return false;
    await this.#deps.mirror.caughtUp(written.revision);
    return written.isDone;
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    if (this.#swapping >= SWAPS_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#swapping++;
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#swapping--;
      else next();
    }
  }

  /** The revision that is to be seen in the mirror before the outcome is told; undefined where there is nothing to wait for. */
  async #swap(
    key: string,
    known: R | undefined,
    record: R,
  ): Promise<{ isDone: boolean; revision: number } | undefined> {
    const entry = this.#entries.get(key);
    if (entry?.record !== known) return undefined;
    const path = this.#deps.keys.prefix + this.#folder + key;
    const outcome = await this.#deps.writes.txn({
      compare: [{ key: path, modRevision: entry?.revision ?? 0 }],
      success: [{ put: path, value: JSON.stringify(this.#schema.parse(record)) }],
      failure: [{ range: { key: path }, keysOnly: true }],
    });
    if (outcome.kind === 'done') return { isDone: true, revision: outcome.revision };
    if (outcome.kind !== 'conflict') throw outcome.error;
    const [found] = outcome.results;
    const now = found?.kind === 'range' ? found.kvs[0] : undefined;
    if (now?.modRevision === entry?.revision)
      throw new EdgelogError('CONNECTION_LOST', 'this broker was taken for dead');
    return now && { isDone: false, revision: now.modRevision };
  }

  isWorthRetrying(error: unknown): boolean {
    return error instanceof EdgelogError && !this.#deps.writes.isEnded;
  }

  #take(path: string, kv: KeyValue | undefined): void {
    if (!path.startsWith(this.#folder)) return;
    const key = path.slice(this.#folder.length);
    const entry = kv && this.#parse(kv);
    if (entry === undefined) this.#entries.delete(key);
    else this.#entries.set(key, entry);
    for (const listener of [...this.#listeners]) listener(key, entry?.record);
  }

  #parse({ key, value, modRevision }: KeyValue): Entry<R> | undefined {
    try {
      return { record: parseJson(value, this.#schema), revision: modRevision };
    } catch (error) {
      const fault = (error as Error).message;
      this.#deps.log.error('cluster metadata has a bad record, left out', { key, fault });
      return undefined;
    }
  }
}
