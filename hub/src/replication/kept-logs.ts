import type { LogStore } from '@edgelog/log';
import { z } from 'zod';
import { putRecord, readRecord } from '../state-record.ts';

const KEY = 'kept-logs';
const keptRecord = z.array(z.string());

/** Logs that metadata put back from a backup did not know: never deleted only because no topic has them. */
export class KeptLogs {
  readonly #store: LogStore;
  readonly #names: Set<string>;

  constructor(store: LogStore) {
    this.#store = store;
    this.#names = new Set(readRecord(store.state, KEY, keptRecord));
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  keep(name: string): void {
    this.#names.add(name);
    putRecord(this.#store.state, KEY, keptRecord, [...this.#names]);
  }
}
