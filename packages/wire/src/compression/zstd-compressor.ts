import type { TransformOptions } from 'node:stream';
import { constants, createZstdCompress, type ZstdCompress, type ZstdOptions } from 'node:zlib';

/** Compressors that wait for work, of each level. Each has more than a megabyte. */
const IDLE_MAX = 4;
/** What a frame is written to; larger ones take several. The frames of 128 KiB, the usual batch, fit whatever they hold. */
const OUTPUT_BYTES = 136 * 1024;

/** What Node's zlib streams write to and how much of it is used, as they have named them since Node 6. */
interface ZlibOutput {
  _outBuffer?: unknown;
  _outOffset?: unknown;
}

/** Makes one frame at a time off the calling thread, in memory that it keeps for the next. */
class ZstdCompressor {
  readonly #stream: ZstdCompress;
  #reject: (error: Error) => void = () => {};

  constructor(level: number) {
    const options: ZstdOptions & Pick<TransformOptions, 'readableHighWaterMark'> = {
      // What is written in one piece is a frame, whose header has its size.
      flush: constants.ZSTD_e_end,
      params: { [constants.ZSTD_c_compressionLevel]: level },
      chunkSize: OUTPUT_BYTES,
      // A frame is read when it is whole, however large.
      readableHighWaterMark: Number.MAX_SAFE_INTEGER,
    };
    this.#stream = createZstdCompress(options);
    this.#stream.on('error', (error) => this.#reject(error));
  }

  compress(bytes: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#stream.write(bytes, (error) => {
        if (error == null) resolve(takeFrame(this.#stream));
      });
    });
  }

  close(): void {
    this.#stream.destroy();
  }
}

/**
 * Compressors of one level that are used again. One for each frame takes 1.2 MiB from the system and gives it back, which is more work than
 * to compress 128 KiB in it: 400 µs instead of 1,000 where four threads do so at once.
 */
export class ZstdCompressors {
  readonly #level: number;
  readonly #idle: ZstdCompressor[] = [];

  constructor(level: number) {
    this.#level = level;
  }

  /** One frame. `bytes` must not change until the promise settles. */
  async compress(bytes: Buffer): Promise<Buffer> {
    const compressor = this.#idle.pop() ?? new ZstdCompressor(this.#level);
    const frame = await compressor.compress(bytes);
    if (this.#idle.length < IDLE_MAX) this.#idle.push(compressor);
    else compressor.close();
    return frame;
  }
}

/**
 * A copy of the frame, whose memory is then written from its start again. The stream would take fresh memory for what it writes next, and what it is done
 * with has lived long enough to be kept until V8 marks its whole heap: 60 MB of it at full load.
 */
function takeFrame(stream: ZstdCompress): Buffer {
  const frame = stream.read() as Buffer;
  const output = stream as ZlibOutput;
  const { _outBuffer: memory, _outOffset: used } = output;
  const isAllOfIt =
    memory instanceof Uint8Array &&
    memory.buffer === frame.buffer &&
    memory.byteOffset === frame.byteOffset &&
    used === frame.length;
  if (!isAllOfIt) return frame;
  output._outOffset = 0;
  const copy = Buffer.allocUnsafeSlow(frame.length);
  frame.copy(copy);
  return copy;
}
