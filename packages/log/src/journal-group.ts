import { crc32c } from '@edgelog/wire';
import type { RowWrite } from './segment.ts';

/** One commit as it stands in the journal. */
export interface JournaledGroup {
  /** Counts all commits of the store, journaled or not: a number that is missing is a commit that was lost. */
  number: number;
  segmentId: number;
  /** Its rows, for `parseRows`. */
  body: Buffer;
}

const MAGIC = 0x4a4c4445;
/** magic u32 · CRC-32C of what follows u32 · bytes of rows u32 · reserved u32 · number f64 · segment f64. */
const HEADER_BYTES = 32;
const CRC_FROM = 8;
/** key length u16 · value length u32, or NO_VALUE for a row that is removed. */
const ROW_HEAD_BYTES = 6;
const NO_VALUE = 0xffffffff;

export function groupBytes(rows: readonly RowWrite[]): number {
  let bytes = HEADER_BYTES;
  for (const [key, value] of rows) bytes += ROW_HEAD_BYTES + key.length + (value?.length ?? 0);
  return bytes;
}

/** Writes the group, of `sizeBytes`, to `memory` at `start`. Returns its rows as views of that memory. */
export function encodeGroup(
  memory: Buffer,
  start: number,
  { number, segmentId, rows }: { number: number; segmentId: number; rows: readonly RowWrite[] },
  sizeBytes: number,
): RowWrite[] {
  memory.writeUInt32LE(MAGIC, start);
  memory.writeUInt32LE(sizeBytes - HEADER_BYTES, start + 8);
  memory.writeUInt32LE(0, start + 12);
  memory.writeDoubleLE(number, start + 16);
  memory.writeDoubleLE(segmentId, start + 24);
  let at = start + HEADER_BYTES;
  const kept = rows.map(([key, value]): RowWrite => {
    const keyAt = at + ROW_HEAD_BYTES;
    const valueAt = keyAt + key.length;
    memory.writeUInt16LE(key.length, at);
    memory.writeUInt32LE(value?.length ?? NO_VALUE, at + 2);
    memory.set(key, keyAt);
    if (value !== undefined) memory.set(value, valueAt);
    at = valueAt + (value?.length ?? 0);
    return [memory.subarray(keyAt, valueAt), value && memory.subarray(valueAt, at)];
  });
  memory.writeUInt32LE(crc32c(memory.subarray(start + CRC_FROM, start + sizeBytes)), start + 4);
  return kept;
}

/** The groups from the start of a file's bytes up to the first that is not whole. */
export function* parseGroups(bytes: Buffer): Generator<JournaledGroup> {
  for (let at = 0; at + HEADER_BYTES <= bytes.length && bytes.readUInt32LE(at) === MAGIC; ) {
    const end = at + HEADER_BYTES + bytes.readUInt32LE(at + 8);
    if (end > bytes.length || crc32c(bytes.subarray(at + CRC_FROM, end)) !== bytes.readUInt32LE(at + 4))
      return;
    const body = bytes.subarray(at + HEADER_BYTES, end);
    yield { number: bytes.readDoubleLE(at + 16), segmentId: bytes.readDoubleLE(at + 24), body };
    at = end;
  }
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
