import { EdgelogError } from '@edgelog/base';
import { crc32c } from '../crc32c.ts';
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  COMPRESSION_BY_ID,
  CRC_FROM,
  LENGTH_PREFIX_BYTES,
  MAGIC_V2,
} from './header.ts';
import { readInt64 } from './int64.ts';

const BATCH_LENGTH_MIN = BATCH_HEADER_BYTES - LENGTH_PREFIX_BYTES;

export const ATTRIBUTE = { compression: 0x07, appendTime: 0x08, transactional: 0x10, control: 0x20 } as const;

/**
 * Reads and checks the 61-byte header of the batch that begins at `at`. The whole batch must lie in `buf`; the CRC
 * is not checked (`verifyBatchCrc`) and the records are not looked at. Throws CORRUPT_BATCH, which says what and where.
 */
export function readBatchHeader(buf: Buffer, at = 0): BatchHeader {
  const remaining = buf.length - at;
  if (at < 0 || remaining < BATCH_HEADER_BYTES) {
    throw corrupt(at, `truncated header: ${Math.max(0, remaining)} of ${BATCH_HEADER_BYTES} bytes`);
  }
  const magic = buf.readInt8(at + 16);
  if (magic !== MAGIC_V2) throw corrupt(at + 16, `magic ${magic} where only ${MAGIC_V2} is supported`);
  const batchLength = buf.readInt32BE(at + 8);
  if (batchLength < BATCH_LENGTH_MIN) {
    throw corrupt(at + 8, `batch length ${batchLength} is below the header's own ${BATCH_LENGTH_MIN}`);
  }
  if (batchLength > remaining - LENGTH_PREFIX_BYTES) {
    throw corrupt(
      at + 8,
      `batch length ${batchLength} but only ${remaining - LENGTH_PREFIX_BYTES} bytes remain`,
    );
  }
  const attributes = buf.readInt16BE(at + 21);
  const compression = COMPRESSION_BY_ID[attributes & ATTRIBUTE.compression];
  if (compression === undefined) {
    throw corrupt(at + 21, `unknown compression codec ${attributes & ATTRIBUTE.compression}`);
  }
  const lastOffsetDelta = count(buf, at + 23, 'last offset delta');
  const baseOffset = int64(buf, at, 'base offset');
  return {
    baseOffset,
    lastOffset: baseOffset + lastOffsetDelta,
    sizeBytes: batchLength + LENGTH_PREFIX_BYTES,
    partitionLeaderEpoch: buf.readInt32BE(at + 12),
    crc: buf.readUInt32BE(at + 17),
    attributes,
    compression,
    timestampType: attributes & ATTRIBUTE.appendTime ? 'append' : 'create',
    isTransactional: (attributes & ATTRIBUTE.transactional) !== 0,
    isControl: (attributes & ATTRIBUTE.control) !== 0,
    lastOffsetDelta,
    baseTimestamp: int64(buf, at + 27, 'base timestamp'),
    maxTimestamp: int64(buf, at + 35, 'max timestamp'),
    producerId: int64(buf, at + 43, 'producer id'),
    producerEpoch: buf.readInt16BE(at + 51),
    baseSequence: buf.readInt32BE(at + 53),
    recordCount: count(buf, at + 57, 'record count'),
  };
}

/** Checks the CRC-32C of the batch at `at`, whose header `readBatchHeader` gave. Throws CORRUPT_BATCH. */
export function verifyBatchCrc(buf: Buffer, at: number, header: BatchHeader): void {
  const actual = crc32c(buf.subarray(at + CRC_FROM, at + header.sizeBytes));
  if (actual !== header.crc) {
    throw corrupt(
      at + 17,
      `CRC-32C of the batch at offset ${header.baseOffset} (${header.sizeBytes} bytes) is ${hex(actual)}, the header says ${hex(header.crc)}`,
    );
  }
}

/** The batches that lie back to back in `buf`, lazily; throws CORRUPT_BATCH where one is truncated or implausible. */
export function* iterateBatches(
  buf: Buffer,
): Generator<{ at: number; header: BatchHeader }, void, undefined> {
  for (let at = 0; at < buf.length; ) {
    const header = readBatchHeader(buf, at);
    yield { at, header };
    at += header.sizeBytes;
  }
}

function int64(buf: Buffer, at: number, field: string): number {
  const value = readInt64(buf, at);
  if (Number.isNaN(value)) throw corrupt(at, `${field} ${buf.readBigInt64BE(at)} is out of range`);
  return value;
}

function count(buf: Buffer, at: number, field: string): number {
  const value = buf.readInt32BE(at);
  if (value < 0) throw corrupt(at, `negative ${field} ${value}`);
  return value;
}

function corrupt(at: number, what: string): EdgelogError {
  return new EdgelogError('CORRUPT_BATCH', `record batch: ${what}, at byte ${at}`);
}

function hex(crc: number): string {
  return `0x${crc.toString(16).padStart(8, '0')}`;
}
