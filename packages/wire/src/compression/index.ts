import type { CompressionName } from '../batch/header.ts';
import type { Codec, CompressionEffort } from './codec.ts';
import { lz4 } from './lz4.ts';
import { snappy } from './snappy.ts';
import { gzip, zstd } from './zlib.ts';

/** What a records section may grow to when decompressed, unless the caller says otherwise. */
export const DECOMPRESSED_BYTES_MAX = 128 * 1024 * 1024;

const none: Codec = {
  compress: async (bytes) => bytes,
  compressSync: (bytes) => bytes,
  decompress: (bytes) => bytes,
};

const codecs: Record<CompressionName, Codec> = { none, gzip, snappy, lz4, zstd };

export type { CompressionEffort } from './codec.ts';

/** Compresses a records section in the framing that Kafka's clients read; runs on the thread pool. */
export function compressRecords(
  name: CompressionName,
  bytes: Buffer,
  effort: CompressionEffort = 'usual',
): Promise<Buffer> {
  return codecs[name].compress(bytes, effort);
}

/** As `compressRecords`, on the calling thread. */
export function compressRecordsSync(
  name: CompressionName,
  bytes: Buffer,
  effort: CompressionEffort = 'usual',
): Buffer {
  return codecs[name].compressSync(bytes, effort);
}

/**
 * Decompresses a records section in any framing that Kafka's clients write. Throws CORRUPT_BATCH for bytes that the
 * codec cannot read, LIMIT_EXCEEDED where the result would be larger than `bytesMax`; 'none' gives `bytes` itself.
 */
export function decompressRecords(
  name: CompressionName,
  bytes: Buffer,
  bytesMax: number = DECOMPRESSED_BYTES_MAX,
): Buffer {
  return codecs[name].decompress(bytes, bytesMax);
}
