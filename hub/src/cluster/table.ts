import { EdgelogError } from '@edgelog/base';
import type { KeyValue } from '@edgelog/etcd';
import type { Logger } from '@edgelog/runtime';
import type { z } from 'zod';
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

export interface TableEntry<R> {
  /** What follows the folder in its key. */
  readonly id: string;
  readonly record: R;
  /** Of its last change. */
  readonly revision: number;
}

/** Records of one kind in a folder of the cluster's prefix, mirrored in memory. One that cannot be read counts as not there. */
export class EtcdTable<R> {
  readonly #deps: TableDeps;
  readonly #folder: string;
  readonly #schema: z.ZodType<R>;
  readonly #entries = new Map<string, TableEntry<R>>();
  readonly #listeners = new Set<(id: string, entry: TableEntry<R> | undefined) => void>();

  constructor(deps: TableDeps, folder: string, schema: z.ZodType<R>) {
    this.#deps = deps;
    this.#folder = `${folder}/`;
    this.#schema = schema;
    for (const [path, kv] of deps.mirror.metadata.others()) this.#take(path, kv);
    deps.mirror.onChange(({ others }) => {
      for (const { path, after } of others) this.#take(path, after);
    });
  }

  get(id: string): TableEntry<R> | undefined {
    return this.#entries.get(id);
  }

  all(): Iterable<TableEntry<R>> {
    return this.#entries.values();
  }

  /** Called for each record that was put, changed or (undefined) removed, by whomever. */
  onChange(listener: (id: string, entry: TableEntry<R> | undefined) => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Puts a record in place of the one with revision `expected`, or where there is none (0). Resolves with it when this table has it; with
   * undefined when something else stands there, which the table then has. Rejects where nobody knows, or where it could not
   * be done: look again, put again.
   */
  async put(id: string, record: R, expected: number): Promise<TableEntry<R> | undefined> {
    const { keys, mirror, writes } = this.#deps;
    const key = keys.prefix + this.#folder + id;
    const outcome = await writes.txn({
      compare: [{ key, modRevision: expected }],
      success: [{ put: key, value: JSON.stringify(this.#schema.parse(record)) }],
      failure: [{ range: { key }, keysOnly: true }],
    });
    if (outcome.kind === 'done') {
      await mirror.caughtUp(outcome.revision);
      return { id, record, revision: outcome.revision };
    }
    if (outcome.kind !== 'conflict') throw outcome.error;
    const [found] = outcome.results;
    const revision = (found?.kind === 'range' ? found.kvs[0]?.modRevision : undefined) ?? 0;
    if (revision === expected) throw new EdgelogError('CONNECTION_LOST', 'this broker was taken for dead');
    await mirror.caughtUp(revision);
    return undefined;
  }

  #take(path: string, kv: KeyValue | undefined): void {
    if (!path.startsWith(this.#folder)) return;
    const id = path.slice(this.#folder.length);
    const entry = kv && this.#parse(id, kv);
    if (entry === undefined) this.#entries.delete(id);
    else this.#entries.set(id, entry);
    for (const listener of [...this.#listeners]) listener(id, entry);
  }

  #parse(id: string, { key, value, modRevision }: KeyValue): TableEntry<R> | undefined {
    try {
      return { id, record: parseJson(value, this.#schema), revision: modRevision };
    } catch (error) {
      const fault = (error as Error).message;
      this.#deps.log.error('cluster metadata has a bad record, left out', { key, fault });
      return undefined;
    }
  }
}
