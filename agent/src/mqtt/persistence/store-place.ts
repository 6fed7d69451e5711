import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { openDiskTable } from './disk-table.ts';
import type { DiskTable } from './table.ts';

/** A process may be killed while it opens its store, whatever state that is in; but not so many times in a row. */
const ATTEMPTS_MAX = 3;

/**
 * The directory of a store. LMDB may take the process down with a file that is damaged in a way that no check before sees; so attempts
 * to open it are counted in a file beside it until one succeeds.
 */
export class StorePlace {
  readonly #dir: string;
  readonly #attempts: string;

  constructor(dir: string) {
    this.#dir = dir;
    this.#attempts = join(dir, 'attempts');
  }

  /** Throws EdgelogError for what is damaged, or ended the process too often. */
  open(): DiskTable {
    mkdirSync(this.#dir, { recursive: true });
    const before = readFileSync(this.#attempts, { encoding: 'utf8', flag: 'a+' }).length;
    if (before >= ATTEMPTS_MAX) {
      throw new EdgelogError(
        'DATA_DIR_INVALID',
        `the process ended ${before} times while it opened ${this.#dir}`,
      );
    }
    writeFileSync(this.#attempts, '.', { flag: 'a' });
    return openDiskTable(join(this.#dir, 'store.lmdb'));
  }

  /** The store is open and was read, or the attempt failed and the process lives. */
  opened(): void {
    rmSync(this.#attempts, { force: true });
  }

  /** Answers where it is now. */
  setAside(): string {
    const aside = `${this.#dir}.damaged`;
    rmSync(aside, { recursive: true, force: true });
    renameSync(this.#dir, aside);
    return aside;
  }
}
