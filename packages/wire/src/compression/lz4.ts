import { compressFrame, compressFrameSync, decompressFrameSync } from 'lz4-napi';
import { type Codec, corruptCompression, tooLarge } from './codec.ts';
import { lz4FrameBound } from './lz4-frame.ts';

/** LZ4 frames of independent blocks, as Kafka's Java client demands; reads any standard frame. */
export const lz4: Codec = {
  compress: (bytes) => compressFrame(bytes),
  compressSync: (bytes) => compressFrameSync(bytes),
  decompress(bytes, bytesMax) {
    if (lz4FrameBound(bytes) > bytesMax) throw tooLarge('lz4', bytesMax);
    try {
      return decompressFrameSync(bytes);
    } catch (cause) {
      throw corruptCompression('lz4', (cause as Error).message, cause);
    }
  },
};
