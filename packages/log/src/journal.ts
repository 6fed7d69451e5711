import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  write,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { encodeGroup, groupBytes, type JournaledGroup, parseGroups } from './journal-group.ts';
import { freeBytes } from './lmdb-file.ts';
import type { RowWrite } from './segment.ts';

const FILE_NAMES = ['0', '1'] as const;
const ZEROS = Buffer.alloc(2 ** 20);
/** Larger groups are written to their segment at once: they would only be written twice. */
const GROUP_SHARE_MAX = 1 / 4;
/** What is in the journal must find room in a segment, so where less than this many of its sizes are free it rests. */
const ROOM = 3;

interface JournalFile {
  /** Opened so that a write returns when it is on disk. */
  readonly descriptor: number;
  /** What is in the file, at the same places. */
  readonly memory: Buffer;
  used: number;
  /** Number of the last group in it. */
  last: number;
}

export interface Journaled {
  /** The rows given, in memory that keeps until the group is released. */
  rows: RowWrite[];
  durable: Promise<void>;
  /** The group is the first in its file: what is in the other one should go to its segment now. */
  isFirst: boolean;
}

/**
 * Two files of blocks that were all written before, used in turns: a group of rows is on disk after one write that changes
 * nothing else of the file system, which costs a fifth of an LMDB commit with its flushes. A file is written over from its
 * start when all its groups are on disk in their segments.
 */
export class Journal {
  readonly #dir: string;
  readonly #fileBytes: number;
  readonly #files: readonly [JournalFile, JournalFile];
  #current = 0;
  #released = 0;

  private constructor(dir: string, fileBytes: number, files: [JournalFile, JournalFile]) {
    this.#dir = dir;
    this.#fileBytes = fileBytes;
    this.#files = files;
  }

  /** The groups in the files of a journal, by number; none where there is no journal. Torn ones and what is behind them are left out. */
  static read(dir: string): Map<number, JournaledGroup> {
    const groups = new Map<number, JournaledGroup>();
    if (!existsSync(dir)) return groups;
    for (const name of readdirSync(dir)) {
      for (const group of parseGroups(readFileSync(join(dir, name)))) groups.set(group.number, group);
    }
    return groups;
  }

  /**
   * Makes the files, of `bytes` together, where they are not there yet. What is in them is written over. Rejects where the disk has
   * no room for the journal and all that it may have to bring into a segment.
   */
  static async open(dir: string, bytes: number): Promise<Journal> {
    const fileBytes = bytes / FILE_NAMES.length;
    mkdirSync(dir, { recursive: true });
    if (!hasRoom(dir, bytes)) throw new EdgelogError('LIMIT_EXCEEDED', `no room for a journal in ${dir}`);
    for (const name of FILE_NAMES) await fill(join(dir, name), fileBytes);
    const [first, second] = FILE_NAMES.map((name) => openFile(join(dir, name), fileBytes));
    return new Journal(dir, fileBytes, [first!, second!]);
  }

  /** Undefined when there is no room for the group, or the disk is nearly full. */
  append(number: number, segmentId: number, rows: readonly RowWrite[]): Journaled | undefined {
    const sizeBytes = groupBytes(rows);
    if (sizeBytes > this.#fileBytes * GROUP_SHARE_MAX) return undefined;
    let file = this.#files[this.#current]!;
    if (file.used + sizeBytes > this.#fileBytes) {
      const other = this.#files[1 - this.#current]!;
      if (other.last > this.#released || !hasRoom(this.#dir, 2 * this.#fileBytes)) return undefined;
      this.#current = 1 - this.#current;
      file = other;
      file.used = 0;
    }
    const at = file.used;
    const kept = encodeGroup(file.memory, at, { number, segmentId, rows }, sizeBytes);
    file.used += sizeBytes;
    file.last = number;
    return { rows: kept, durable: writeWhole(file, at, sizeBytes), isFirst: at === 0 };
  }

  /** All groups up to this one are on disk in their segments. */
  release(number: number): void {
    this.#released = Math.max(this.#released, number);
  }

  close(): void {
    for (const { descriptor } of this.#files) closeSync(descriptor);
  }
}

function hasRoom(dir: string, journalBytes: number): boolean {
  return freeBytes(join(dir, FILE_NAMES[0])) >= ROOM * journalBytes;
}

function openFile(path: string, fileBytes: number): JournalFile {
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_DSYNC);
  return { descriptor, memory: Buffer.allocUnsafeSlow(fileBytes), used: 0, last: 0 };
}

/** Writes zeros where the file has another size, since blocks that were never written are slow to write durably. */
async function fill(path: string, fileBytes: number): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT);
  try {
    if ((await file.stat()).size === fileBytes) return;
    await file.truncate();
    for (let at = 0; at < fileBytes; at += ZEROS.length) {
      await file.write(ZEROS, 0, Math.min(ZEROS.length, fileBytes - at), at);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

function writeWhole({ descriptor, memory }: JournalFile, at: number, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const begin = (from: number, left: number): void => {
      write(descriptor, memory, from, left, from, (error, written) => {
        if (error !== null) reject(error);
        else if (written < left) begin(from + written, left - written);
        else resolve();
      });
    };
    begin(at, bytes);
  });
}
