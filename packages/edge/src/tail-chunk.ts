import { EdgelogError } from '@edgelog/base';
import type { TailChunk } from '@edgelog/log';
import { crc32c } from '@edgelog/wire';

/**
 * A chunk of the open tail as stored: what the encoder added in one turn, behind what recovery needs to go on with it.
 * Layout (big endian): 0 crc u32 (CRC-32C of the rest) · 4 version u8 · 5 batch base offset f64 · 13 batch base
 * timestamp f64 · 21 max timestamp f64 · 29 encoded records. All integers in f64 are below 2^53.
 */
export interface TailChunkContent {
  /** Base offset and timestamp of the batch that the records are encoded for. */
  batchBaseOffset: number;
  batchBaseTimestamp: number;
  maxTimestamp: number;
  records: Buffer;
}

const VERSION = 1;
const HEAD_BYTES = 29;

export function encodeTailChunk(content: TailChunkContent): Buffer {
  const bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + content.records.length);
  bytes[4] = VERSION;
  bytes.writeDoubleBE(content.batchBaseOffset, 5);
  bytes.writeDoubleBE(content.batchBaseTimestamp, 13);
  bytes.writeDoubleBE(content.maxTimestamp, 21);
  content.records.copy(bytes, HEAD_BYTES);
  bytes.writeUInt32BE(crc32c(bytes.subarray(4)), 0);
  return bytes;
}

/** Throws CORRUPT_BATCH naming the stream and the offsets. */
export function decodeTailChunk(stream: string, chunk: TailChunk): TailChunkContent {
  const { bytes, baseOffset, recordCount } = chunk;
  const fault =
    bytes.length < HEAD_BYTES
      ? `${bytes.length} bytes`
      : bytes.readUInt32BE(0) !== crc32c(bytes.subarray(4))
        ? 'CRC mismatch'
        : bytes[4] !== VERSION
          ? `version ${bytes[4]}`
          : undefined;
  if (fault !== undefined) {
    throw new EdgelogError(
      'CORRUPT_BATCH',
      `stream ${stream}: the open tail is damaged at offsets ${baseOffset} to ${baseOffset + recordCount - 1}: ${fault}`,
    );
  }
  return {
    batchBaseOffset: bytes.readDoubleBE(5),
    batchBaseTimestamp: bytes.readDoubleBE(13),
    maxTimestamp: bytes.readDoubleBE(21),
    records: bytes.subarray(HEAD_BYTES),
  };
}
