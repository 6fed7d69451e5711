import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { EdgelogError } from '@edgelog/base';
import { crc32c } from '@edgelog/wire';
import type { RowWrite } from './segment.ts';

/** One commit as it stands in the journal. */
export interface JournaledGroup {
  /** Counts all commits of the store, journaled or not: a number that is missing is a commit that was lost. */
  number: number;
  segmentId: number;
  /** Every commit up to this number had been acknowledged when this one was made. */
  acknowledged: number;
  /** Its rows, for `parseRows`. */
  body: Buffer;
}

/** A file begins with its head: magic u32 · CRC-32C of the salt u32 · salt. What a producer sends cannot pass for a group without it. */
export const HEAD_BYTES = 4096;
export const SALT_BYTES = 8;
const HEAD_MAGIC = 0x484c4445;
const SALT_AT = 8;

const MAGIC = 0x4a4c4445;
const MAGIC_BYTES = Buffer.alloc(4);
MAGIC_BYTES.writeUInt32LE(MAGIC);
/** magic u32 · CRC-32C of what follows u32 · bytes of rows u32 · what these were before zstd u32, 0 where they are plain · number f64 · segment f64 · acknowledged f64 · salt. */
const HEADER_BYTES = 48;
const CRC_FROM = 8;
const COMPRESSED_SHARE_MAX = 0.9;
/** key length u16 · value length u32, or NO_VALUE for a row that is removed. */
const ROW_HEAD_BYTES = 6;
const NO_VALUE = 0xffffffff;

export function groupBytes(rows: readonly RowWrite[]): number {
  let bytes = HEADER_BYTES;
  for (const [key, value] of rows) bytes += ROW_HEAD_BYTES + key.length + (value?.length ?? 0);
  return bytes;
}

export function encodeHead(salt: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(HEAD_MAGIC, 0);
  head.writeUInt32LE(crc32c(salt), 4);
  head.set(salt, SALT_AT);
  return head;
}

/** The file's salt; undefined where nothing was ever written to it. Throws CORRUPT_BATCH when it is damaged. */
export function readSalt(file: Buffer): Buffer | undefined {
  const head = file.subarray(0, HEAD_BYTES);
  if (head.every((byte) => byte === 0)) return undefined;
  const salt = head.subarray(SALT_AT, SALT_AT + SALT_BYTES);
  if (head.readUInt32LE(0) !== HEAD_MAGIC || head.readUInt32LE(4) !== crc32c(salt))
    throw new EdgelogError('CORRUPT_BATCH', "the head of a journal's file cannot be read");
  return salt;
}

/** Writes the group, of `sizeBytes`, to `memory` at `start`. Returns its rows as views of that memory. */
export function encodeGroup(
  memory: Buffer,
  start: number,
  group: Omit<JournaledGroup, 'body'> & { rows: readonly RowWrite[]; salt: Buffer },
  sizeBytes: number,
): RowWrite[] {
  encodeHeader(memory, start, group, { sizeBytes, plainBytes: 0 });
  const kept = copyRows(memory, start + HEADER_BYTES, group.rows);
  memory.writeUInt32LE(crc32c(memory.subarray(start + CRC_FROM, start + sizeBytes)), start + 4);
  return kept;
}

/**
 * As `encodeGroup`, with the rows compressed; the rows returned are in memory of their own. Undefined where it would hardly be smaller, or where
 * `memory` has no room for it.
 */
export function encodeCompressedGroup(
  memory: Buffer,
  start: number,
  group: Omit<JournaledGroup, 'body'> & { rows: readonly RowWrite[]; salt: Buffer },
  plainBytes: number,
): { rows: RowWrite[]; sizeBytes: number } | undefined {
  const body = Buffer.allocUnsafeSlow(plainBytes - HEADER_BYTES);
  const rows = copyRows(body, 0, group.rows);
  const compressed = zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  const sizeBytes = HEADER_BYTES + compressed.length;
  if (sizeBytes > plainBytes * COMPRESSED_SHARE_MAX || start + sizeBytes > memory.length) return undefined;
  encodeHeader(memory, start, group, { sizeBytes, plainBytes: body.length });
  memory.set(compressed, start + HEADER_BYTES);
  memory.writeUInt32LE(crc32c(memory.subarray(start + CRC_FROM, start + sizeBytes)), start + 4);
  return { rows, sizeBytes };
}

function encodeHeader(
  memory: Buffer,
  start: number,
  { number, segmentId, acknowledged, salt }: Omit<JournaledGroup, 'body'> & { salt: Buffer },
  { sizeBytes, plainBytes }: { sizeBytes: number; plainBytes: number },
): void {
  memory.writeUInt32LE(MAGIC, start);
  memory.writeUInt32LE(sizeBytes - HEADER_BYTES, start + 8);
  memory.writeUInt32LE(plainBytes, start + 12);
  memory.writeDoubleLE(number, start + 16);
  memory.writeDoubleLE(segmentId, start + 24);
  memory.writeDoubleLE(acknowledged, start + 32);
  memory.set(salt, start + 40);
}

function copyRows(memory: Buffer, start: number, rows: readonly RowWrite[]): RowWrite[] {
  let at = start;
  return rows.map(([key, value]): RowWrite => {
    const keyAt = at + ROW_HEAD_BYTES;
    const valueAt = keyAt + key.length;
    memory.writeUInt16LE(key.length, at);
    memory.writeUInt32LE(value?.length ?? NO_VALUE, at + 2);
    memory.set(key, keyAt);
    if (value !== undefined) memory.set(value, valueAt);
    at = valueAt + (value?.length ?? 0);
    return [memory.subarray(keyAt, valueAt), value && memory.subarray(valueAt, at)];
  });
}

/**
 * The groups in a file's bytes. Where one is not whole, those behind it are looked for: what they say of it tells whether it was torn by
 * a crash or damaged later. Among them may be some of the file's last turn. Throws CORRUPT_BATCH when the head is damaged.
 */
export function* parseGroups(file: Buffer): Generator<JournaledGroup> {
  const salt = readSalt(file);
  if (salt === undefined) return;
  for (let at = HEAD_BYTES; at >= 0; ) {
    const end = endOfGroup(file, at, salt);
    if (end === undefined) {
      at = file.indexOf(MAGIC_BYTES, at + 1);
      continue;
    }
    yield {
      number: file.readDoubleLE(at + 16),
      segmentId: file.readDoubleLE(at + 24),
      acknowledged: file.readDoubleLE(at + 32),
      body: bodyOf(file, at, end),
    };
    at = end;
  }
}

function bodyOf(file: Buffer, at: number, end: number): Buffer {
  const body = file.subarray(at + HEADER_BYTES, end);
  const plainBytes = file.readUInt32LE(at + 12);
  return plainBytes === 0 ? body : zstdDecompressSync(body, { maxOutputLength: plainBytes });
}

/** Undefined where no whole group of this journal begins. */
function endOfGroup(file: Buffer, at: number, salt: Buffer): number | undefined {
  if (at + HEADER_BYTES > file.length || file.readUInt32LE(at) !== MAGIC) return undefined;
  if (!file.subarray(at + 40, at + HEADER_BYTES).equals(salt)) return undefined;
  const end = at + HEADER_BYTES + file.readUInt32LE(at + 8);
  const isWhole =
    end <= file.length && crc32c(file.subarray(at + CRC_FROM, end)) === file.readUInt32LE(at + 4);
  return isWhole ? end : undefined;
}

export function* parseRows(bytes: Buffer): Generator<RowWrite> {
  for (let at = 0; at < bytes.length; ) {
    const valueLength = bytes.readUInt32LE(at + 2);
    const keyAt = at + ROW_HEAD_BYTES;
    const valueAt = keyAt + bytes.readUInt16LE(at);
    at = valueLength === NO_VALUE ? valueAt : valueAt + valueLength;
    yield [
      bytes.subarray(keyAt, valueAt),
      valueLength === NO_VALUE ? undefined : bytes.subarray(valueAt, at),
    ];
  }
}
