import { getSystemErrorMessage } from 'node:util';
import { EdgelogError } from '@edgelog/base';
import * as lmdb from 'lmdb';
import { open, type RootDatabase } from 'lmdb';
import { HeldRows } from './held-rows.ts';
import { afterValuesAt, parseValueKey, type ValueKey, valueKey, valuePrefix } from './keys.ts';
import { checkSound, type Environment, onFailedWrite } from './lmdb-failure.ts';
import { checkBeforeOpen } from './lmdb-file.ts';
import { openRow, sealRow } from './row-check.ts';

/** One row to write: a value, or undefined to remove the row. The buffers belong to the segment until flushed. */
export type RowWrite = readonly [key: Buffer, value: Buffer | undefined];

export interface SegmentOptions {
  /** False in benchmarks only: commits are not flushed. */
  flush: boolean;
  /** Address space for the map; LMDB widens it when a segment outgrows it. */
  mapBytes: number;
  /** Told how many bytes each transaction writes to the file. */
  wrote?: (bytes: number) => void;
}

/** What the batches of a segment are read through. Nothing here tells of damage but by not finding, but for `valueScratch`. */
export interface SegmentReader {
  readonly id: number;
  /** The stored value that holds `offset`, or else the last one before it. Damaged keys are passed over. */
  floor(partitionId: number, offset: number): ValueKey | undefined;
  /** The first stored value after `offset`, likewise. */
  after(partitionId: number, offset: number): ValueKey | undefined;
  first(partitionId: number): ValueKey | undefined;
  /** The value's batches, in a buffer that is valid until the next read of any segment. Throws CORRUPT_BATCH. */
  valueScratch(partitionId: number, key: ValueKey): Buffer;
  close(): Promise<void>;
}

/** lmdb-js keeps every store that was ever opened here, closed or not: 100 KB each. Its types do not tell of it. */
const { allDbs } = lmdb as unknown as { allDbs: Map<string, object> };

/** What lmdb-js makes of a put with `separateFlushed`: committed when it resolves, on disk when `flushed` does. */
export type Committed = Promise<boolean> & { flushed?: PromiseLike<unknown> };

/**
 * One segment: an LMDB environment in a single file with a single table (see keys.ts). It is written through `write`
 * only, one transaction a call; reads see what is committed and copy out of the map into a scratch buffer.
 */
export class Segment implements SegmentReader {
  readonly id: number;
  /** What is durable elsewhere and will be written here; its values are read as if they were here. */
  readonly held = new HeldRows();
  readonly #db: RootDatabase<Buffer, Buffer>;
  readonly #wrote: (bytes: number) => void;
  /** Transactions under way. */
  readonly #unanswered = new Set<(error: Error) => void>();
  /** Fulfilled when all of them have ended. */
  #ended: Promise<unknown> = Promise.resolve();
  #hasFailed = false;

  private constructor(id: number, db: RootDatabase<Buffer, Buffer>, wrote: (bytes: number) => void) {
    this.id = id;
    this.#db = db;
    this.#wrote = wrote;
    onFailedWrite((db as unknown as { env: Environment }).env, (status) => this.#fail(status));
  }

  /** Opens for writing, making the file where there is none. After a crash it opens at the last flushed commit. */
  static openForWrite(id: number, path: string, options: SegmentOptions): Segment {
    return new Segment(
      id,
      openTable(path, { mapSize: options.mapBytes, ...writeMode(options.flush) }),
      options.wrote ?? (() => {}),
    );
  }

  /**
   * One transaction. Resolves when it is on disk; rejects on the first I/O error, after which the segment must not be
   * written again: LMDB may then leave later calls unanswered.
   */
  write(rows: readonly RowWrite[]): Promise<void> {
    const written = this.#write(rows);
    this.#ended = Promise.allSettled([this.#ended, written]);
    return written;
  }

  async #write(rows: readonly RowWrite[]): Promise<void> {
    let committed: Committed | undefined;
    for (const [key, value] of rows) {
      const done = value === undefined ? this.#db.remove(key) : this.#db.put(key, sealRow(key, value));
      if (committed === undefined) committed = done;
      // A removal has a promise of its own; the first one speaks for the transaction.
      else done.catch(() => {});
    }
    if (committed === undefined) return;
    this.#wrote(pagesOf(rows) * PAGE_BYTES);
    const lost = Promise.withResolvers<never>();
    this.#unanswered.add(lost.reject);
    try {
      await Promise.race([onDisk(this.#db, committed), lost.promise]);
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    } finally {
      this.#unanswered.delete(lost.reject);
    }
  }

  #fail(status: number): void {
    const error = new Error(status > 0 ? getSystemErrorMessage(-status) : `LMDB's error ${status}`);
    for (const reject of [...this.#unanswered]) reject(error);
  }

  /** The number of the last commit. */
  get transaction(): number {
    return (this.#db.getStats() as { lastTxnId: number }).lastTxnId;
  }

  get(key: Buffer): Buffer | undefined {
    const bytes = this.#db.getBinary(key);
    return bytes && openRow(key, bytes);
  }

  /** All rows of a kind in key order, copied. Throws CORRUPT_BATCH at one that is damaged. */
  *rows(kind: number): Generator<{ key: Buffer; value: Buffer }> {
    for (const { key, value } of this.#db.getRange({ start: Buffer.of(kind), end: Buffer.of(kind + 1) })) {
      yield { key, value: openRow(key, value) };
    }
  }

  floor(partitionId: number, offset: number): ValueKey | undefined {
    const held = this.held.floor(partitionId, offset);
    if (held !== undefined) return held;
    const start = afterValuesAt(partitionId, offset);
    return this.#firstSound({ start, end: valuePrefix(partitionId), reverse: true });
  }

  after(partitionId: number, offset: number): ValueKey | undefined {
    const range = { start: afterValuesAt(partitionId, offset), end: valuePrefix(partitionId + 1) };
    return this.#firstSound(range) ?? this.held.after(partitionId, offset);
  }

  first(partitionId: number): ValueKey | undefined {
    const range = { start: valuePrefix(partitionId), end: valuePrefix(partitionId + 1) };
    return this.#firstSound(range) ?? this.held.after(partitionId, -1);
  }

  #firstSound(range: { start: Buffer; end: Buffer; reverse?: boolean }): ValueKey | undefined {
    for (const bytes of this.#db.getKeys(range)) {
      const key = parseValueKey(bytes);
      if (key !== undefined) return key;
    }
    return undefined;
  }

  valueScratch(partitionId: number, key: ValueKey): Buffer {
    const held = this.held.value(partitionId, key);
    if (held !== undefined) return held;
    const scratch = this.#db.getBinaryFast(valueKey(partitionId, key));
    if (scratch === undefined) {
      throw new EdgelogError('CORRUPT_BATCH', `segment ${this.id}: no value at offset ${key.baseOffset}`);
    }
    return scratch.subarray(0, scratch.length);
  }

  /** After a failed write nothing is closed: LMDB would never answer. */
  async close(): Promise<void> {
    await this.#ended;
    if (this.#hasFailed) return;
    await this.#db.close();
    for (const [name, db] of allDbs) if (db === this.#db) allDbs.delete(name);
  }
}

/** Leaves, branches up to the root, the free list's and the meta page, twice. */
const PAGES_PER_COMMIT = 6;
const PAGE_BYTES = 4096;
/** Larger values have pages of their own. */
const INLINE_BYTES_MAX = 2000;

/** As LMDB writes them, give or take where rows share a leaf. */
function pagesOf(rows: readonly RowWrite[]): number {
  let pages = PAGES_PER_COMMIT;
  let inlineBytes = 0;
  for (const [key, value] of rows) {
    const bytes = value?.length ?? 0;
    if (bytes > INLINE_BYTES_MAX) pages += Math.ceil(bytes / PAGE_BYTES);
    else inlineBytes += key.length + bytes;
  }
  return pages + Math.floor(inlineBytes / PAGE_BYTES);
}

function writeMode(flush: boolean) {
  return flush ? { overlappingSync: true, safeRestore: true, separateFlushed: true } : { noSync: true };
}

function openTable(path: string, mode: object): RootDatabase<Buffer, Buffer> {
  checkBeforeOpen(path);
  return open<Buffer, Buffer>({
    path,
    noSubdir: true,
    keyEncoding: 'binary',
    encoding: 'binary',
    cache: false,
    ...mode,
  });
}

/**
 * True for the error of a failed commit as lmdb-js makes it. `write` tells of the failure; but the operation that begins a batch may
 * have a promise of its own, which nobody is given, and whose rejection nobody can hear of.
 */
export function isCommitFailure(error: unknown): boolean {
  return error instanceof Error && 'commitError' in error;
}

/** Resolves when a write is on disk; rejects with the reason why it is not. */
export async function onDisk(db: RootDatabase<Buffer, Buffer>, committed: Committed): Promise<void> {
  try {
    await committed;
    await committed.flushed;
    checkSound(db);
  } catch (error) {
    throw await commitError(error);
  }
}

/** lmdb-js rejects with "Commit failed" and puts the reason in a promise beside it. */
async function commitError(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error;
  return Promise.resolve(error.commitError).then(
    () => error,
    (reason: unknown) => reason,
  );
}
