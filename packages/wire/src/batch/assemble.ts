import { crc32c } from '../crc32c.ts';
import {
  BATCH_HEADER_BYTES,
  COMPRESSION_BY_ID,
  type CompressionName,
  CRC_FROM,
  LENGTH_PREFIX_BYTES,
  MAGIC_V2,
} from './header.ts';
import { writeInt64 } from './int64.ts';

/** What the header of a new batch says that its bytes do not. */
export interface BatchFields {
  baseOffset: number;
  partitionLeaderEpoch: number;
  compression: CompressionName;
  baseTimestamp: number;
  maxTimestamp: number;
  producerId: number;
  producerEpoch: number;
  baseSequence: number;
  recordCount: number;
  /** The offsets are as many as the records unless given. */
  lastOffsetDelta?: number;
}

/** One whole batch: header, CRC-32C, and a copy of `records`, which are compressed already, in memory that is asked for. */
export function assembleBatch(
  fields: BatchFields,
  records: Buffer,
  memory: (sizeBytes: number) => Buffer = Buffer.allocUnsafeSlow,
): Buffer {
  const batch = memory(BATCH_HEADER_BYTES + records.length);
  writeInt64(batch, fields.baseOffset, 0);
  batch.writeInt32BE(batch.length - LENGTH_PREFIX_BYTES, 8);
  batch.writeInt32BE(fields.partitionLeaderEpoch, 12);
  batch.writeInt8(MAGIC_V2, 16);
  batch.writeInt16BE(COMPRESSION_BY_ID.indexOf(fields.compression), 21);
  batch.writeInt32BE(fields.lastOffsetDelta ?? fields.recordCount - 1, 23);
  writeInt64(batch, fields.baseTimestamp, 27);
  writeInt64(batch, fields.maxTimestamp, 35);
  writeInt64(batch, fields.producerId, 43);
  batch.writeInt16BE(fields.producerEpoch, 51);
  batch.writeInt32BE(fields.baseSequence, 53);
  batch.writeInt32BE(fields.recordCount, 57);
  records.copy(batch, BATCH_HEADER_BYTES);
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_FROM)), 17);
  return batch;
}
