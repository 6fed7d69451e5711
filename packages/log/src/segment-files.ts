import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, EdgelogError } from '@edgelog/base';
import { segmentKey } from './keys.ts';
import { allocatedBytes, LOCK_FILE_BYTES, lockFileOf } from './lmdb-file.ts';
import { encodeSegment, type SegmentRow } from './rows.ts';
import { SealedSegment } from './sealed-segment.ts';
import { type RowWrite, Segment, type SegmentOptions, type SegmentReader } from './segment.ts';

/** Older segments held open for reading. */
const OPEN_MAX = 8;
const NAME = /^(compacted-)?(\d{12})(?:-(\d+))?\.mdb(\.new)?(-lock)?$/;

/** An older segment: nothing is written to it any more. */
interface Sealed extends SegmentRow {
  /** Partitions with live batches here. */
  references: number;
  /** Allocated on disk; final when the next segment has its number, since commits may be under way until then. */
  bytes: number;
}

/** A complete file in the directory. */
export interface SegmentFile {
  id: number;
  generation: number;
}

/** What lives of a sealed segment, in a file of its own that nobody reads yet. */
export interface SegmentCopy {
  segment: Segment;
  path: string;
}

/** What is needed to do away with a segment that the state no longer names. */
export interface DeadSegment {
  id: number;
  path: string;
}

/**
 * The files in `segments/`: `000000000007.mdb` is segment 7, the one with the highest number is written. Once cleaned it is
 * `000000000007-1.mdb`; the state tells which of two is meant. What compaction wrote is in `compacted-000000000003.mdb`, segment −3:
 * numbers below zero, so none of them is ever taken for the one to write. A segment is `….mdb.new` until its copy of the state, or
 * of what lives, is on disk, so a name without `.new` is a promise.
 */
export class SegmentFiles {
  readonly #dir: string;
  readonly #options: SegmentOptions;
  #active: Segment | undefined;
  #next: Segment | undefined;
  readonly #sealed = new Map<number, Sealed>();
  /** Sealed ones that are open, least recently used first. */
  readonly #open = new Map<number, SegmentReader>();
  /** Compacted segments count downwards from −1, and no number comes again while a file may still have it. */
  #lastCompacted = 0;

  constructor(dir: string, options: SegmentOptions) {
    this.#dir = dir;
    this.#options = options;
  }

  /**
   * The complete files on disk, ascending by number. Makes the directory, removes what a crash left of a segment
   * that was being prepared, throws DATA_DIR_INVALID on strange files.
   */
  static async list(dir: string): Promise<SegmentFile[]> {
    mkdirSync(dir, { recursive: true });
    const files: SegmentFile[] = [];
    for (const file of readdirSync(dir)) {
      const [, compacted, number, generation, provisional, lock] = NAME.exec(file) ?? [];
      if (number === undefined) {
        throw new EdgelogError('DATA_DIR_INVALID', `${join(dir, file)} is not a segment of an Edgelog log`);
      }
      if (provisional !== undefined) await rm(join(dir, file), { force: true });
      else if (lock === undefined) {
        const id = compacted === undefined ? Number(number) : -Number(number);
        files.push({ id, generation: Number(generation ?? 0) });
      }
    }
    return files.sort((a, b) => a.id - b.id);
  }

  /** Removes files that the state does not mean: what a crash left of a swap, before or after it. */
  async removeLeftovers(files: readonly SegmentFile[]): Promise<void> {
    for (const { id, generation } of files) {
      if (this.pathOf(id) !== this.pathOf(id, generation)) await removeFiles(this.pathOf(id, generation));
    }
  }

  get count(): number {
    return this.#sealed.size + 1;
  }

  get hasActive(): boolean {
    return this.#active !== undefined;
  }

  get active(): Segment {
    if (this.#active === undefined) throw new EdgelogError('STORE_CLOSED', 'the log store is not open');
    return this.#active;
  }

  physicalBytes(): number {
    let bytes = this.#active === undefined ? 0 : allocatedBytes(this.pathOf(this.#active.id));
    for (const sealed of this.#sealed.values()) bytes += sealed.bytes;
    return bytes;
  }

  /** What lies beside the segments: the next one's file, and lock files. */
  sideBytes(): number {
    let bytes = 0;
    if (this.#next !== undefined) bytes += withLock(provisional(this.pathOf(this.#next.id)));
    if (this.#active !== undefined) bytes += allocatedBytes(lockFileOf(this.pathOf(this.#active.id)));
    return bytes + this.#sealed.size * LOCK_FILE_BYTES;
  }

  /** Bytes of batches in sealed segments, dead or alive. */
  sealedBatchBytes(): number {
    let bytes = 0;
    for (const { batchBytes } of this.#sealed.values()) bytes += batchBytes;
    return bytes;
  }

  /** The sealed segments as the state knows them. */
  sealed(): [id: number, row: Readonly<Sealed>][] {
    return [...this.#sealed];
  }

  has(id: number): boolean {
    return this.#sealed.has(id);
  }

  /** Bytes that the file of a sealed segment takes on disk. */
  bytesOf(id: number): number {
    return this.#sealed.get(id)?.bytes ?? 0;
  }

  /** Opens the newest segment as the one to write. */
  openActive(id: number): Segment {
    this.#active = Segment.openForWrite(id, this.pathOf(id), this.#options);
    return this.#active;
  }

  addSealed(id: number, { generation, batchBytes }: SegmentRow): void {
    const bytes = allocatedBytes(this.pathOf(id, generation));
    this.#sealed.set(id, { references: 0, generation, batchBytes, bytes });
    this.#lastCompacted = Math.min(this.#lastCompacted, id);
  }

  get isNextReady(): boolean {
    return this.#next !== undefined;
  }

  /** Makes the next segment's file, under its provisional name, ahead of its use. */
  prepareNext(): void {
    const id = (this.#active?.id ?? 0) + 1;
    this.#next ??= Segment.openForWrite(id, provisional(this.pathOf(id)), this.#options);
  }

  /**
   * The next segment, which must be ready, becomes the active one. The one before, with `batchBytes` in it, can only be
   * read from now on.
   */
  rollOver(batchBytes: number): { active: Segment; sealedId: number | undefined } {
    assert(this.#next !== undefined, 'the next segment is ready');
    const sealed = this.#active;
    this.#active = this.#next;
    this.#next = undefined;
    if (sealed !== undefined) {
      this.addSealed(sealed.id, { generation: 0, batchBytes });
      this.#keepOpen(sealed);
    }
    return { active: this.#active, sealedId: sealed?.id };
  }

  /** Rows of all sealed segments. */
  snapshot(rows: RowWrite[]): void {
    for (const [id, sealed] of this.#sealed) rows.push([segmentKey(id), encodeSegment(sealed)]);
  }

  /**
   * Gives the segment its number, durably. Everything in it and in its predecessors must be on disk. The one before is read from its file
   * from now on: its map would stay resident, and LMDB's memory with it.
   */
  async promote(segment: Segment): Promise<void> {
    await this.#dropSuffix(this.pathOf(segment.id));
    const id = segment.id - 1;
    const predecessor = this.#sealed.get(id);
    if (predecessor !== undefined) predecessor.bytes = allocatedBytes(this.pathOf(id));
    const writer = this.#open.get(id);
    if (!(writer instanceof Segment)) return;
    assert(writer.held.isEmpty, `segment ${id} has all that was committed to it`);
    this.#open.delete(id);
    await writer.close();
  }

  /** An empty file, under a provisional name, for what lives of a sealed segment. */
  beginCopy(id: number): SegmentCopy {
    const path = this.pathOf(id, this.#sealed.get(id)!.generation + 1);
    return { segment: Segment.openForWrite(id, provisional(path), this.#options), path };
  }

  /** An empty file likewise, for what compaction leaves of partitions. */
  beginCompacted(): SegmentCopy {
    const id = --this.#lastCompacted;
    const path = this.pathOf(id);
    return { segment: Segment.openForWrite(id, provisional(path), this.#options), path };
  }

  /** A finished one belongs to the store from now on. Returns the row that says so. */
  addCompacted(id: number, batchBytes: number): RowWrite {
    const row = { generation: 0, batchBytes };
    this.addSealed(id, row);
    return [segmentKey(id), encodeSegment(row)];
  }

  /** Closes a copy that is whole and on disk, and gives it its name, durably. Until `swap` nobody reads it. */
  async finishCopy({ segment, path }: SegmentCopy): Promise<void> {
    await segment.close();
    await this.#dropSuffix(path);
  }

  /** Removes the files of a copy, finished or not. */
  async abandonCopy({ path }: SegmentCopy): Promise<void> {
    await removeFiles(provisional(path));
    await removeFiles(path);
  }

  /**
   * Reads of the segment go to its finished copy from now on. Returns the row that says so, and the function that
   * does away with the old file once that row is on disk.
   */
  swap(id: number, batchBytes: number): { row: RowWrite; removeOld: () => Promise<void> } {
    const sealed = this.#sealed.get(id)!;
    const oldPath = this.pathOf(id);
    const old = this.#open.get(id);
    this.#open.delete(id);
    sealed.generation++;
    sealed.batchBytes = batchBytes;
    sealed.bytes = allocatedBytes(this.pathOf(id));
    const removeOld = async () => {
      await old?.close();
      await removeFiles(oldPath);
    };
    return { row: [segmentKey(id), encodeSegment(sealed)], removeOld };
  }

  /** The segment, opened for reading if it must be. */
  reader(id: number): SegmentReader {
    if (id === this.#active?.id) return this.#active;
    const segment = this.#open.get(id) ?? SealedSegment.open(id, this.pathOf(id));
    this.#keepOpen(segment);
    return segment;
  }

  retain(id: number): void {
    const sealed = this.#sealed.get(id);
    if (sealed === undefined) {
      throw new EdgelogError('DATA_DIR_INVALID', `segment ${this.pathOf(id)} is missing`);
    }
    sealed.references++;
  }

  release(id: number): void {
    const sealed = this.#sealed.get(id);
    if (sealed !== undefined) sealed.references--;
  }

  /** Sealed segments in which nothing lives. The caller drops them once their state no longer names them. */
  takeDead(): DeadSegment[] {
    const dead = [...this.#sealed].filter(([, sealed]) => sealed.references === 0);
    return dead.map(([id]) => {
      const path = this.pathOf(id);
      this.#sealed.delete(id);
      return { id, path };
    });
  }

  async drop({ id, path }: DeadSegment): Promise<void> {
    const segment = this.#open.get(id);
    this.#open.delete(id);
    await segment?.close();
    await removeFiles(path);
  }

  async close(): Promise<void> {
    const all = [...this.#open.values(), this.#next, this.#active];
    this.#open.clear();
    for (const segment of all) await segment?.close();
    if (this.#next !== undefined) await removeFiles(provisional(this.pathOf(this.#next.id)));
  }

  /**
   * Keeps a sealed segment open as the most recently used one, and closes the least recently used beyond OPEN_MAX. The one that was written
   * last stays until `promote`: its file may lack a commit that is under way, and whoever opened it would go on without.
   */
  #keepOpen(segment: SegmentReader): void {
    this.#open.delete(segment.id);
    this.#open.set(segment.id, segment);
    for (const [oldest, idle] of this.#open) {
      if (this.#open.size <= OPEN_MAX) break;
      if (idle instanceof Segment) continue;
      this.#open.delete(oldest);
      void idle.close();
    }
  }

  pathOf(id: number, generation = this.#sealed.get(id)?.generation ?? 0): string {
    const suffix = generation === 0 ? '' : `-${generation}`;
    const number = String(Math.abs(id)).padStart(12, '0');
    return join(this.#dir, `${id < 0 ? 'compacted-' : ''}${number}${suffix}.mdb`);
  }

  async #dropSuffix(to: string): Promise<void> {
    const from = provisional(to);
    renameSync(lockFileOf(from), lockFileOf(to));
    renameSync(from, to);
    await syncDir(this.#dir);
  }
}

function provisional(path: string): string {
  return `${path}.new`;
}

async function removeFiles(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(lockFileOf(path), { force: true });
}

/** A rename is durable when its directory is. */
export async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function withLock(path: string): number {
  return allocatedBytes(path) + allocatedBytes(lockFileOf(path));
}
