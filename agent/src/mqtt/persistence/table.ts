import { asBuffer, asKey, openRow, sealRow } from './row.ts';

/** The part of an LMDB table that is used here; it has no rows of its own where there is no disk to trust. */
export interface DiskTable {
  get(key: Buffer): Buffer | undefined;
  range(start: Buffer, end: Buffer, limit: number): Iterable<{ key: Buffer; value: Buffer }>;
  keys(start: Buffer, end: Buffer): Iterable<Buffer>;
  /** One transaction; resolves when it is on disk. */
  write(rows: readonly (readonly [key: Buffer, value: Buffer | undefined])[]): Promise<void>;
  /** After a failed write: false where another one would not be kept either, before the file is opened anew. */
  mayWriteAgain(): boolean;
  close(): Promise<void>;
}

export interface TableOptions {
  /** Undefined: everything is kept in memory. */
  disk: DiskTable | undefined;
  /**
   * Writing failed: what is written stays in memory, and what is on disk is only read, until `onRecovery`, or for good where no
   * other attempt would help.
   */
  onFailure: (error: unknown, isForGood: boolean) => void;
  /** A later attempt to write has put everything on disk. */
  onRecovery: () => void;
  /** What rows that cannot be written may take, more or less. */
  memoryBytes: number;
  /** Between attempts to write, ms; each time twice as long. Default: 1 s up to a minute. */
  retryMs?: { first: number; longest: number } | undefined;
  /** A row whose bytes are not those that were written; it is left out. */
  onDamage: (key: string) => void;
}

/** What nobody waits for (removals, QoS 0) is written with the next commit, after this at most. */
const LAZY_MS = 1000;
const PAGE_ROWS = 256;
/** A row's key and its place in a map. */
const ROW_OVERHEAD_BYTES = 150;
const RETRY_MS = { first: 1000, longest: 60_000 };
const NOTHING = Promise.resolve();

type Rows = Map<string, Buffer | undefined>;

/**
 * Rows by key, read as they were written last, written to disk by a group commit: what one turn of the event loop brings
 * goes in one transaction, and what comes while one is being flushed in the next one. Keys are strings of bytes (latin1).
 */
export class Table {
  readonly #options: TableOptions;
  #staged: Rows = new Map();
  #stagedBytes = 0;
  #writing: Rows = new Map();
  #writingBytes = 0;
  #collecting: PromiseWithResolvers<void> | undefined;
  #isCutting = false;
  #isWriting = false;
  #isClosed = false;
  #flushing: Promise<void> = NOTHING;
  #isOnDisk: boolean;
  #lazy: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = 0;

  constructor(options: TableOptions) {
    this.#options = options;
    this.#isOnDisk = options.disk !== undefined;
  }

  /** False while writing fails, or where there never was a disk. */
  get isOnDisk(): boolean {
    return this.#isOnDisk;
  }

  /** Rows written or removed that are not on disk. */
  get rowsInMemory(): number {
    return this.#staged.size + this.#writing.size;
  }

  /** False where a row with a value of this size would have to stay in memory, and there are enough of those. */
  hasRoom(valueBytes: number): boolean {
    if (this.#isOnDisk || this.#options.disk === undefined) return true;
    const taken = this.#stagedBytes + this.#writingBytes;
    return taken + valueBytes + ROW_OVERHEAD_BYTES <= this.#options.memoryBytes;
  }

  put(key: string, value: Buffer): void {
    this.#unstage(key);
    this.#stage(key, sealRow(key, value));
    this.#scheduleLazily();
  }

  remove(key: string): void {
    this.#unstage(key);
    // While nothing is written, only what the disk has, or is about to have, must be remembered as removed.
    const isElsewhere = () => this.#writing.has(key) || this.#options.disk?.get(asBuffer(key)) !== undefined;
    if (this.#isOnDisk || isElsewhere()) this.#stage(key, undefined);
    this.#scheduleLazily();
  }

  /** Removes all rows from `start` to before `end`, without reading them. */
  removeRange(start: string, end: string): void {
    const keys = new Set(this.diskKeys(start, end));
    for (const rows of [this.#writing, this.#staged]) {
      for (const key of rows.keys()) if (key >= start && key < end) keys.add(key);
    }
    for (const key of keys) this.remove(key);
  }

  get(key: string): Buffer | undefined {
    for (const rows of [this.#staged, this.#writing]) {
      if (rows.has(key)) return this.#open(key, rows.get(key));
    }
    return this.#open(key, this.#options.disk?.get(asBuffer(key)));
  }

  /** Up to `limit` rows from `start` to before `end`, in the order of their keys. */
  range(start: string, end: string, limit: number): [key: string, value: Buffer][] {
    const found: [string, Buffer][] = [];
    for (let from = start; found.length < limit; ) {
      const page = this.#page(from, end, limit);
      for (const [key, bytes] of page.rows) {
        const value = found.length < limit ? this.#open(key, bytes) : undefined;
        if (value !== undefined) found.push([key, value]);
      }
      if (page.next === undefined) break;
      from = page.next;
    }
    return found;
  }

  /** All rows from `start` to before `end`, a page at a time: rows may be written meanwhile. */
  *all(start: string, end: string): Generator<[key: string, value: Buffer]> {
    for (let from: string | undefined = start; from !== undefined; ) {
      const page: [string, Buffer][] = this.range(from, end, PAGE_ROWS);
      yield* page;
      from = page.length < PAGE_ROWS ? undefined : `${page.at(-1)![0]}\0`;
    }
  }

  /** Up to `limit` keys from `start` to before `end`, in their order. */
  keys(start: string, end: string, limit: number): string[] {
    const written = new Map([...this.#writing, ...this.#staged]);
    const found = new Set<string>();
    for (const key of this.diskKeys(start, end)) {
      if (found.size === limit) break;
      if (!written.has(key) || written.get(key) !== undefined) found.add(key);
    }
    for (const [key, value] of written) if (value !== undefined && key >= start && key < end) found.add(key);
    return [...found].sort((a, b) => (a < b ? -1 : 1)).slice(0, limit);
  }

  /** All keys on disk from `start` to before `end`. */
  *diskKeys(start: string, end: string): Generator<string> {
    for (const key of this.#options.disk?.keys(asBuffer(start), asBuffer(end)) ?? []) yield asKey(key);
  }

  /** Resolves when everything written so far is on disk, or when there is no disk to wait for. Never rejects. */
  commit(): Promise<void> {
    if (!this.#isOnDisk) return NOTHING;
    if (this.#staged.size === 0) return this.#isWriting ? this.#flushing : NOTHING;
    this.#collecting ??= Promise.withResolvers<void>();
    this.#schedule();
    return this.#collecting.promise;
  }

  async close(): Promise<void> {
    clearTimeout(this.#lazy);
    clearTimeout(this.#retry);
    this.#isClosed = true;
    if (this.#isWriting) await this.#flushing;
    if (this.#isOnDisk) await this.commit();
    else if (this.#options.disk?.mayWriteAgain() === true) await this.#write();
    if (this.#isOnDisk) await this.#options.disk?.close();
  }

  #stage(key: string, bytes: Buffer | undefined): void {
    this.#staged.set(key, bytes);
    this.#stagedBytes += sizeOf(bytes);
  }

  #unstage(key: string): void {
    if (!this.#staged.has(key)) return;
    this.#stagedBytes -= sizeOf(this.#staged.get(key));
    this.#staged.delete(key);
  }

  #open(key: string, bytes: Buffer | undefined): Buffer | undefined {
    if (bytes === undefined) return undefined;
    const value = openRow(key, bytes);
    if (value === undefined) this.#options.onDamage(key);
    return value;
  }

  /** A stretch of keys as it is now; `next` is where the following one begins. */
  #page(start: string, end: string, limit: number): { rows: [string, Buffer][]; next: string | undefined } {
    const rows = new Map<string, Buffer>();
    let last: string | undefined;
    let count = 0;
    for (const { key, value } of this.#options.disk?.range(asBuffer(start), asBuffer(end), limit) ?? []) {
      last = asKey(key);
      rows.set(last, value);
      count++;
    }
    const next = count < limit ? undefined : `${last}\0`;
    const until = next ?? end;
    for (const written of [this.#writing, this.#staged]) {
      for (const [key, value] of written) {
        if (key < start || key >= until) continue;
        if (value === undefined) rows.delete(key);
        else rows.set(key, value);
      }
    }
    return { rows: [...rows].sort(([a], [b]) => (a < b ? -1 : 1)), next };
  }

  #scheduleLazily(): void {
    if (!this.#isOnDisk) return;
    this.#lazy ??= setTimeout(() => {
      this.#lazy = undefined;
      void this.commit();
    }, LAZY_MS).unref();
  }

  #schedule(): void {
    if (this.#isCutting || this.#isWriting) return;
    this.#isCutting = true;
    setImmediate(() => void this.#write());
  }

  #next(): void {
    if (this.#collecting === undefined) return;
    if (this.#isOnDisk) this.#schedule();
    else this.#collecting.resolve();
  }

  async #write(): Promise<void> {
    this.#isCutting = false;
    clearTimeout(this.#lazy);
    this.#lazy = undefined;
    const group = this.#collecting ?? Promise.withResolvers<void>();
    this.#collecting = undefined;
    this.#writing = this.#staged;
    this.#writingBytes = this.#stagedBytes;
    this.#staged = new Map();
    this.#stagedBytes = 0;
    this.#isWriting = true;
    this.#flushing = group.promise;
    try {
      await this.#options.disk!.write([...this.#writing].map(([key, value]) => [asBuffer(key), value]));
      this.#writing = new Map();
      this.#writingBytes = 0;
      this.#works();
    } catch (error) {
      this.#failed(error);
    }
    this.#isWriting = false;
    group.resolve();
    this.#next();
  }

  #works(): void {
    if (this.#isOnDisk) return;
    this.#isOnDisk = true;
    this.#retryMs = 0;
    // What came meanwhile has nobody who waits for it.
    this.#scheduleLazily();
    this.#options.onRecovery();
  }

  #failed(error: unknown): void {
    const newer = this.#staged;
    this.#staged = this.#writing;
    this.#stagedBytes = this.#writingBytes;
    this.#writing = new Map();
    this.#writingBytes = 0;
    for (const [key, bytes] of newer) {
      this.#unstage(key);
      this.#stage(key, bytes);
    }
    const { disk, onFailure, retryMs = RETRY_MS } = this.#options;
    const wasOnDisk = this.#isOnDisk;
    this.#isOnDisk = false;
    const isForGood = !disk!.mayWriteAgain();
    if (wasOnDisk || isForGood) onFailure(error, isForGood);
    if (isForGood || this.#isClosed) return;
    this.#retryMs = Math.min(retryMs.longest, this.#retryMs === 0 ? retryMs.first : this.#retryMs * 2);
    this.#retry = setTimeout(() => void this.#write(), this.#retryMs).unref();
  }
}

function sizeOf(bytes: Buffer | undefined): number {
  return ROW_OVERHEAD_BYTES + (bytes?.length ?? 0);
}
