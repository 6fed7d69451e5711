import { closeSync, openSync, readSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { checkTrees } from './tree-check.ts';

/** LMDB's lock table for 126 readers is 8,272 bytes. */
export const LOCK_FILE_BYTES = 16_384;
/** What a new environment needs at the very least. */
const ROOM_BYTES_MIN = 2 ** 20;

/** Where the first meta page says what it is (lmdb-js 3, data version 2). */
const META = {
  bytes: 56,
  flagsAt: 18,
  metaFlag: 0x08,
  magicAt: 24,
  magic: 0xbeefc0de,
  versionAt: 28,
  version: 2,
};

/**
 * lmdb-js ends the process with a segmentation fault when an environment cannot be opened, and LMDB with a SIGBUS when
 * the disk is full as it maps its lock file; and damaged pages lead it out of the map. So what can be known before is checked
 * before, and is an error.
 */
export function checkBeforeOpen(path: string): void {
  reserveLockFile(path);
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > 0) {
    checkMetaPage(path);
    checkTrees(path);
  } else {
    checkRoom(path);
  }
}

export function lockFileOf(path: string): string {
  return `${path}-lock`;
}

/** Bytes the file system has allocated to the file; 0 where there is none. */
export function allocatedBytes(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 0 : stat.blocks * 512;
}

/** What the file system has left for a file at `path`. */
export function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize;
}

/** LMDB makes the file with holes; a full disk would be found out by the first touch of the map. */
function reserveLockFile(path: string): void {
  const lockFile = lockFileOf(path);
  if (allocatedBytes(lockFile) >= LOCK_FILE_BYTES) return;
  writeFileSync(lockFile, Buffer.alloc(LOCK_FILE_BYTES));
}

function checkMetaPage(path: string): void {
  const head = Buffer.alloc(META.bytes);
  const file = openSync(path, 'r');
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  const isMeta =
    (head.readUInt16LE(META.flagsAt) & META.metaFlag) !== 0 &&
    head.readUInt32LE(META.magicAt) === META.magic &&
    head.readUInt16LE(META.versionAt) === META.version;
  if (!isMeta) throw new EdgelogError('DATA_DIR_INVALID', `${path} is not a segment of an Edgelog log`);
}

function checkRoom(path: string): void {
  const free = freeBytes(path);
  if (free >= ROOM_BYTES_MIN) return;
  throw new EdgelogError('STORE_FAILED', `no room for ${path}: ${free} bytes are free`);
}
