import { createRequire } from 'node:module';
import { type Codec, corruptCompression, tooLarge } from './codec.ts';
import { lz4FrameBound } from './lz4-frame.ts';

const require = createRequire(import.meta.url);
/** Loaded when it is first used: native code that most processes never need costs each of them its start and threads. */
const native = (): typeof import('lz4-napi') => require('lz4-napi');

/** LZ4 frames of independent blocks, as Kafka's Java client demands; reads any standard frame. */
export const lz4: Codec = {
  compress: (bytes) => native().compressFrame(bytes),
  compressSync: (bytes) => native().compressFrameSync(bytes),
  decompress(bytes, bytesMax) {
    if (lz4FrameBound(bytes) > bytesMax) throw tooLarge('lz4', bytesMax);
    try {
      return native().decompressFrameSync(bytes);
    } catch (cause) {
      throw corruptCompression('lz4', (cause as Error).message, cause);
    }
  },
};
