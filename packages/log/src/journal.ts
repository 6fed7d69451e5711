import { randomBytes } from 'node:crypto';
import { constants, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { alignedMemory, DurableFile } from './durable-file.ts';
import {
  encodeCompressedGroup,
  encodeGroup,
  encodeHead,
  groupBytes,
  HEAD_BYTES,
  type JournaledGroup,
  parseGroups,
  readSalt,
  SALT_BYTES,
} from './journal-group.ts';
import { RowKind } from './keys.ts';
import { freeBytes } from './lmdb-file.ts';
import type { RowWrite } from './segment.ts';

const FILE_NAMES = ['0', '1'] as const;
const ZEROS = Buffer.alloc(2 ** 20);
/** Of a file. Larger groups are written to their segment at once: they would only be written twice. */
const GROUP_SHARE_MAX = 1 / 4;
/** What is in the journal must find room in a segment, so where less than this many of its sizes are free it rests. */
const ROOM = 3;

export interface JournalOptions {
  /** Of both files together. */
  bytes: number;
  /** Groups with more than this in batches are refused. Default: no limit of its own. */
  batchBytesMax?: number | undefined;
  /** Groups of this and more are compressed. Default: none. */
  compressBytes?: number | undefined;
}

interface JournalFile {
  readonly file: DurableFile;
  readonly salt: Buffer;
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
  readonly #batchBytesMax: number;
  readonly #compressBytes: number;
  #writtenBytes = 0;
  readonly #files: readonly [JournalFile, JournalFile];
  #current = 0;
  #released = 0;

  private constructor(dir: string, options: JournalOptions, files: [JournalFile, JournalFile]) {
    const { batchBytesMax = Number.POSITIVE_INFINITY, compressBytes = Number.POSITIVE_INFINITY } = options;
    this.#dir = dir;
    this.#fileBytes = fileBytesOf(options);
    this.#batchBytesMax = batchBytesMax;
    this.#compressBytes = compressBytes;
    this.#files = files;
  }

  /** The whole groups in the files of a journal, by number; none where there is no journal. Throws CORRUPT_BATCH for a damaged head. */
  static read(dir: string): Map<number, JournaledGroup> {
    const groups = new Map<number, JournaledGroup>();
    if (!existsSync(dir)) return groups;
    for (const name of readdirSync(dir)) {
      for (const group of parseGroups(readFileSync(join(dir, name)))) groups.set(group.number, group);
    }
    return groups;
  }

  /**
   * Makes the files where they are not there yet. What is in them is written over. Rejects where the disk has
   * no room for the journal and all that it may have to bring into a segment.
   */
  static async open(dir: string, options: JournalOptions): Promise<Journal> {
    const fileBytes = fileBytesOf(options);
    if (!existsSync(dir)) mkdirSync(dir);
    if (!hasRoom(dir, options.bytes))
      throw new EdgelogError('LIMIT_EXCEEDED', `no room for a journal in ${dir}`);
    const open = async (name: string) => {
      const path = join(dir, name);
      return openFile(path, fileBytes, await fill(path, fileBytes));
    };
    return new Journal(dir, options, [await open('0'), await open('1')]);
  }

  /** Undefined when there is no room for the group, or the disk is nearly full. */
  append(commit: Omit<JournaledGroup, 'body'>, rows: readonly RowWrite[]): Journaled | undefined {
    const sizeBytes = groupBytes(rows);
    if (sizeBytes > this.#fileBytes * GROUP_SHARE_MAX || batchBytes(rows) > this.#batchBytesMax) {
      return undefined;
    }
    let file = this.#files[this.#current]!;
    if (file.used + roundUp(sizeBytes, file.file.sectorBytes) > this.#fileBytes) {
      const other = this.#files[1 - this.#current]!;
      if (other.last > this.#released || !hasRoom(this.#dir, 2 * this.#fileBytes)) return undefined;
      this.#current = 1 - this.#current;
      file = other;
      file.used = HEAD_BYTES;
    }
    const at = file.used;
    const { kept, end } = this.#encode(file, { ...commit, rows, salt: file.salt }, sizeBytes);
    const lengthBytes = roundUp(end - at, file.file.sectorBytes);
    file.memory.fill(0, end, at + lengthBytes);
    file.used += lengthBytes;
    file.last = commit.number;
    this.#writtenBytes += lengthBytes;
    const durable = file.file.write(file.memory, at, lengthBytes);
    return { rows: kept, durable, isFirst: at === HEAD_BYTES };
  }

  get sizeBytes(): number {
    return this.#fileBytes * FILE_NAMES.length;
  }

  /** Bytes written since it was opened. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  #encode({ memory, used }: JournalFile, group: Parameters<typeof encodeGroup>[2], sizeBytes: number) {
    const compressed =
      sizeBytes < this.#compressBytes ? undefined : encodeCompressedGroup(memory, used, group, sizeBytes);
    if (compressed !== undefined) return { kept: compressed.rows, end: used + compressed.sizeBytes };
    return { kept: encodeGroup(memory, used, group, sizeBytes), end: used + sizeBytes };
  }

  /** All groups up to this one are on disk in their segments. */
  release(number: number): void {
    this.#released = Math.max(this.#released, number);
  }

  close(): void {
    for (const { file } of this.#files) file.close();
  }
}

function hasRoom(dir: string, journalBytes: number): boolean {
  return freeBytes(join(dir, FILE_NAMES[0])) >= ROOM * journalBytes;
}

function openFile(path: string, fileBytes: number, salt: Buffer): JournalFile {
  const memory = alignedMemory(fileBytes);
  memory.set(encodeHead(salt));
  const file = DurableFile.open(path, memory.subarray(0, HEAD_BYTES));
  return { file, salt, memory, used: HEAD_BYTES, last: 0 };
}

function fileBytesOf({ bytes }: JournalOptions): number {
  return bytes / FILE_NAMES.length;
}

function batchBytes(rows: readonly RowWrite[]): number {
  let bytes = 0;
  for (const [key, value] of rows) if (key[0] === RowKind.value) bytes += value?.length ?? 0;
  return bytes;
}

/** Groups begin at a sector of their own, so nothing that was acknowledged is ever written again. */
function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

/**
 * Makes the file anew where it has another size or no head. It is written whole, since blocks that were never written are slow to write
 * durably; the head last, so that one that is there can be relied on. Resolves with its salt.
 */
async function fill(path: string, fileBytes: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT);
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const isFull = (await file.stat()).size === fileBytes;
    if (isFull) await file.read(head, 0, HEAD_BYTES, 0);
    const known = readSalt(head);
    if (known !== undefined) return Buffer.from(known);
    await file.truncate();
    for (let at = 0; at < fileBytes; at += ZEROS.length) {
      await file.write(ZEROS, 0, Math.min(ZEROS.length, fileBytes - at), at);
    }
    await file.sync();
    const salt = randomBytes(SALT_BYTES);
    await file.write(encodeHead(salt), 0, HEAD_BYTES, 0);
    await file.sync();
    return salt;
  } finally {
    await file.close();
  }
}
