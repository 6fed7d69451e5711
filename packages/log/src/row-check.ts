import { EdgelogError } from '@edgelog/base';
import { crc32c } from '@edgelog/wire';
import { RowKind } from './keys.ts';

const CRC_BYTES = 4;
/** A header row before rows were checked (format 2); it must be read to be refused by its format. */
const UNCHECKED_HEADER_BYTES = 27;
const NAMES = new Map<number, string>(Object.entries(RowKind).map(([name, kind]) => [kind, name]));

/** The row's bytes as they are stored: its CRC-32C, which covers the key, is behind them. Batches have checks of their own. */
export function sealRow(key: Buffer, value: Buffer): Buffer {
  if (key[0] === RowKind.value) return value;
  const bytes = Buffer.allocUnsafe(value.length + CRC_BYTES);
  value.copy(bytes);
  bytes.writeUInt32BE(crc32c(value, crc32c(key)), value.length);
  return bytes;
}

/** What `sealRow` was given. Throws CORRUPT_BATCH, naming the row. */
export function openRow(key: Buffer, bytes: Buffer): Buffer {
  if (key[0] === RowKind.header && bytes.length === UNCHECKED_HEADER_BYTES) return bytes;
  const value = bytes.subarray(0, Math.max(0, bytes.length - CRC_BYTES));
  const isSound =
    bytes.length >= CRC_BYTES && crc32c(value, crc32c(key)) === bytes.readUInt32BE(value.length);
  if (isSound) return value;
  throw new EdgelogError('CORRUPT_BATCH', `the ${rowName(key)} row ${key.toString('hex')} is damaged`);
}

export function rowName(key: Buffer): string {
  return NAMES.get(key[0] ?? 0) ?? 'unknown';
}
