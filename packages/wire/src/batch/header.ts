/**
 * Record batch v2 header. Layout (big endian), from Kafka's RecordBatch v2:
 * 0 baseOffset i64 · 8 batchLength i32 · 12 partitionLeaderEpoch i32 · 16 magic i8 · 17 crc u32 · 21 attributes i16 ·
 * 23 lastOffsetDelta i32 · 27 baseTimestamp i64 · 35 maxTimestamp i64 · 43 producerId i64 · 51 producerEpoch i16 ·
 * 53 baseSequence i32 · 57 recordCount i32 · 61 records. The CRC-32C covers bytes 21 to the end.
 */
export const BATCH_HEADER_BYTES = 61;

export type CompressionName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

export interface BatchHeader {
  baseOffset: number;
  /** baseOffset + lastOffsetDelta */
  lastOffset: number;
  /** Whole batch with its first 12 bytes. */
  sizeBytes: number;
  partitionLeaderEpoch: number;
  crc: number;
  attributes: number;
  compression: CompressionName;
  timestampType: 'create' | 'append';
  isTransactional: boolean;
  isControl: boolean;
  lastOffsetDelta: number;
  baseTimestamp: number;
  maxTimestamp: number;
  /** −1 when the producer is not idempotent. */
  producerId: number;
  producerEpoch: number;
  baseSequence: number;
  recordCount: number;
}

/** Base offset and batch length: what `batchLength` does not count. */
export const LENGTH_PREFIX_BYTES = 12;

/** The only record format since Kafka 0.11. */
export const MAGIC_V2 = 2;

/** First byte under the CRC. */
export const CRC_FROM = 21;

/** Codec names at their number in the attributes' lowest three bits. */
export const COMPRESSION_BY_ID: readonly CompressionName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
