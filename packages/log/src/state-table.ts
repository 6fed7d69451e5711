import { assert } from '@edgelog/base';
import { stateKey } from './keys.ts';
import type { RowWrite } from './segment.ts';
import type { StateTable } from './types.ts';

/** LMDB's keys end at 1,978 bytes. */
const KEY_BYTES_MAX = 1024;

/** The state table: a map in memory that writes through. */
export class MirroredStateTable implements StateTable {
  readonly #entries: Map<string, Buffer>;
  readonly #write: (row: RowWrite) => void;

  constructor(entries: Map<string, Buffer>, write: (row: RowWrite) => void) {
    this.#entries = entries;
    this.#write = write;
  }

  get(key: string): Buffer | undefined {
    return this.#entries.get(key);
  }

  put(key: string, value: Buffer): void {
    assert(Buffer.byteLength(key) <= KEY_BYTES_MAX, `state key of ${Buffer.byteLength(key)} bytes`);
    const own = Buffer.from(value);
    this.#write([stateKey(key), own]);
    this.#entries.set(key, own);
  }

  delete(key: string): void {
    if (this.#entries.delete(key)) this.#write([stateKey(key), undefined]);
  }

  *entries(prefix: string): Generator<[key: string, value: Buffer]> {
    for (const entry of [...this.#entries]) if (entry[0].startsWith(prefix)) yield entry;
  }

  snapshot(rows: RowWrite[]): void {
    for (const [key, value] of this.#entries) rows.push([stateKey(key), value]);
  }
}
