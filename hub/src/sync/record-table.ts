import { setTimeout as delay } from 'node:timers/promises';
import type { LogStore } from '@edgelog/log';
import type { z } from 'zod';
import { putRecord, readRecords } from '../state-record.ts';

/** Records by key, in the store of a standalone broker or in the metadata of a cluster, held in memory. */
export interface RecordTable<R> {
  get(key: string): R | undefined;
  all(): Iterable<readonly [key: string, record: R]>;
  /**
   * Puts `record` in place of `known`, or where there is none. Resolves with true when it is durable; with false when something else
   * stands there, which the table then has. Rejects where nobody knows.
   */
  swap(key: string, known: R | undefined, record: R): Promise<boolean>;
  /** How many may be under way at a time. */
  readonly swapsAtOnce: number;
  /** Whether another attempt may succeed after `swap` rejected. */
  isWorthRetrying(error: unknown): boolean;
}

const RETRY_MS = 500;

/**
 * Swaps until it is done; `decide` says by what stands there what is to stand there, or that nothing is to be done (undefined).
 * True when this call changed it.
 */
export async function persist<R>(
  table: RecordTable<R>,
  key: string,
  decide: (known: R | undefined) => R | undefined,
): Promise<boolean> {
  for (;;) {
    const known = table.get(key);
    const record = decide(known);
    if (record === undefined) return false;
    try {
      if (await table.swap(key, known, record)) return true;
    } catch (error) {
      if (!table.isWorthRetrying(error)) throw error;
      await delay(RETRY_MS, undefined, { ref: false });
    }
  }
}

/** Records in the store's state: visible at once, durable with the next commit. */
export class LocalTable<S extends z.ZodType> implements RecordTable<z.output<S>> {
  /** All of one turn are one commit. */
  readonly swapsAtOnce = Number.POSITIVE_INFINITY;
  readonly #store: Pick<LogStore, 'state' | 'flushed'>;
  readonly #prefix: string;
  readonly #schema: S;
  readonly #records: Map<string, z.output<S>>;

  constructor(store: Pick<LogStore, 'state' | 'flushed'>, prefix: string, schema: S) {
    this.#store = store;
    this.#prefix = prefix;
    this.#schema = schema;
    this.#records = new Map(readRecords(store.state, prefix, schema));
  }

  get(key: string): z.output<S> | undefined {
    return this.#records.get(key);
  }

  all(): Iterable<readonly [string, z.output<S>]> {
    return this.#records;
  }

  async swap(key: string, known: z.output<S> | undefined, record: z.output<S>): Promise<boolean> {
    if (this.#records.get(key) !== known) return false;
    putRecord(this.#store.state, this.#prefix + key, this.#schema, record);
    this.#records.set(key, record);
    await this.#store.flushed();
    return true;
  }

  /** A store that failed stays failed. */
  isWorthRetrying(): boolean {
    return false;
  }
}
