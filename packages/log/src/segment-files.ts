import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, EdgelogError } from '@edgelog/base';
import { allocatedBytes, lockFileOf } from './lmdb-file.ts';
import { Segment, type SegmentOptions } from './segment.ts';

/** Older segments held open for reading. */
const OPEN_MAX = 8;
const NAME = /^(\d{12})\.mdb(\.new)?(-lock)?$/;

/** An older segment: nothing is written to it any more. */
interface Sealed {
  /** Partitions with live batches here. */
  references: number;
  /** Allocated on disk; final when the next segment has its number, since commits may be under way until then. */
  bytes: number;
}

/**
 * The files in `segments/`: `000000000007.mdb` is segment 7, the one with the highest number is written. A segment is
 * `….mdb.new` until its copy of the state is on disk, so a name without `.new` is a promise.
 */
export class SegmentFiles {
  readonly #dir: string;
  readonly #options: SegmentOptions;
  #active: Segment | undefined;
  #next: Segment | undefined;
  readonly #sealed = new Map<number, Sealed>();
  /** Sealed ones that are open, least recently used first. */
  readonly #open = new Map<number, Segment>();

  constructor(dir: string, options: SegmentOptions) {
    this.#dir = dir;
    this.#options = options;
  }

  /**
   * Numbers of the complete segments on disk, ascending. Makes the directory, removes what a crash left of a segment
   * that was being prepared, throws DATA_DIR_INVALID on strange files.
   */
  static async list(dir: string): Promise<number[]> {
    mkdirSync(dir, { recursive: true });
    const ids: number[] = [];
    for (const file of readdirSync(dir)) {
      const [, id, provisional, lock] = NAME.exec(file) ?? [];
      if (id === undefined) {
        throw new EdgelogError('DATA_DIR_INVALID', `${join(dir, file)} is not a segment of an Edgelog log`);
      }
      if (provisional !== undefined) await rm(join(dir, file), { force: true });
      else if (lock === undefined) ids.push(Number(id));
    }
    return ids.sort((a, b) => a - b);
  }

  get count(): number {
    return this.#sealed.size + 1;
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

  /** Opens the newest segment as the one to write. */
  openActive(id: number): Segment {
    this.#active = Segment.openForWrite(id, this.pathOf(id), this.#options);
    return this.#active;
  }

  addSealed(id: number): void {
    this.#sealed.set(id, { references: 0, bytes: allocatedBytes(this.pathOf(id)) });
  }

  get isNextReady(): boolean {
    return this.#next !== undefined;
  }

  /** Makes the next segment's file, under its provisional name, ahead of its use. */
  prepareNext(): void {
    const id = (this.#active?.id ?? 0) + 1;
    this.#next ??= Segment.openForWrite(id, provisional(this.pathOf(id)), this.#options);
  }

  /** The next segment, which must be ready, becomes the active one. The one before can only be read from now on. */
  rollOver(): { active: Segment; sealedId: number | undefined } {
    assert(this.#next !== undefined, 'the next segment is ready');
    const sealed = this.#active;
    this.#active = this.#next;
    this.#next = undefined;
    if (sealed !== undefined) {
      this.addSealed(sealed.id);
      this.#keepOpen(sealed);
    }
    return { active: this.#active, sealedId: sealed?.id };
  }

  /** Gives the segment its number, durably. Everything in it and in its predecessors must be on disk. */
  async promote(segment: Segment): Promise<void> {
    const to = this.pathOf(segment.id);
    const from = provisional(to);
    renameSync(lockFileOf(from), lockFileOf(to));
    renameSync(from, to);
    await syncDir(this.#dir);
    const predecessor = this.#sealed.get(segment.id - 1);
    if (predecessor !== undefined) predecessor.bytes = allocatedBytes(this.pathOf(segment.id - 1));
  }

  /** The segment, opened for reading if it must be. */
  reader(id: number): Segment {
    if (id === this.#active?.id) return this.#active;
    const segment = this.#open.get(id) ?? Segment.openForRead(id, this.pathOf(id));
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
  takeDead(): number[] {
    const dead = [...this.#sealed].filter(([, sealed]) => sealed.references === 0).map(([id]) => id);
    for (const id of dead) this.#sealed.delete(id);
    return dead;
  }

  async drop(id: number): Promise<void> {
    const segment = this.#open.get(id);
    this.#open.delete(id);
    await segment?.close();
    await removeFiles(this.pathOf(id));
  }

  async close(): Promise<void> {
    const all = [...this.#open.values(), this.#next, this.#active];
    this.#open.clear();
    for (const segment of all) await segment?.close();
    if (this.#next !== undefined) await removeFiles(provisional(this.pathOf(this.#next.id)));
  }

  /** Keeps a sealed segment open as the most recently used one, and closes the least recently used beyond OPEN_MAX. */
  #keepOpen(segment: Segment): void {
    this.#open.delete(segment.id);
    this.#open.set(segment.id, segment);
    for (const [oldest, idle] of this.#open) {
      if (this.#open.size <= OPEN_MAX) break;
      this.#open.delete(oldest);
      void idle.close();
    }
  }

  pathOf(id: number): string {
    return join(this.#dir, `${String(id).padStart(12, '0')}.mdb`);
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
