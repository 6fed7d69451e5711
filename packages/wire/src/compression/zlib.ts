import { promisify } from 'node:util';
import {
  gunzipSync,
  gzip as gzipCallback,
  gzipSync,
  type ZlibOptions,
  type ZstdOptions,
  zstdCompress as zstdCallback,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';
import { type Codec, corruptCompression, tooLarge } from './codec.ts';

const OUTPUT_CHUNK_MIN = 16 * 1024;
const OUTPUT_CHUNK_MAX = 1024 * 1024;
const USUAL_RATIO = 6;

const gzipAsync = promisify<Buffer, ZlibOptions, Buffer>(gzipCallback);
const zstdAsync = promisify<Buffer, ZstdOptions, Buffer>(zstdCallback);

export const gzip: Codec = {
  compress: (bytes) => gzipAsync(bytes, compressOptions(bytes)),
  compressSync: (bytes) => gzipSync(bytes, compressOptions(bytes)),
  decompress: (bytes, bytesMax) => decompressBy(gunzipSync, 'gzip', bytes, bytesMax),
};

export const zstd: Codec = {
  compress: (bytes) => zstdAsync(bytes, zstdOptions(bytes)),
  compressSync: (bytes) => zstdCompressSync(bytes, zstdOptions(bytes)),
  decompress: (bytes, bytesMax) => decompressBy(zstdDecompressSync, 'zstd', bytes, bytesMax),
};

/** Records compress to less: one output chunk holds the usual result, so that zlib does not join many, and little is left empty. */
const LEAST_RATIO = 3;

function compressOptions(bytes: Buffer): { chunkSize: number } {
  return { chunkSize: outputChunk(Math.ceil(bytes.length / LEAST_RATIO)) };
}

/** The size goes into the frame, so that decoders allocate once. */
function zstdOptions(bytes: Buffer): ZstdOptions {
  return { ...compressOptions(bytes), pledgedSrcSize: bytes.length };
}

function decompressBy(
  decompress: (bytes: Buffer, options: ZlibOptions & ZstdOptions) => Buffer,
  name: string,
  bytes: Buffer,
  bytesMax: number,
): Buffer {
  try {
    return decompress(bytes, {
      maxOutputLength: bytesMax,
      chunkSize: outputChunk(bytes.length * USUAL_RATIO),
    });
  } catch (cause) {
    if (cause instanceof RangeError && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge(name, bytesMax);
    }
    throw corruptCompression(name, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function outputChunk(expectedBytes: number): number {
  return Math.min(OUTPUT_CHUNK_MAX, Math.max(OUTPUT_CHUNK_MIN, expectedBytes));
}
