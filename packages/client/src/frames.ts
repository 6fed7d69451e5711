const LENGTH_BYTES = 4;
const FRAME_BYTES_MAX = 100 * 1024 * 1024;

/** Memory of exactly so many bytes, whatever is in it. */
export type FrameMemory = (bytes: number) => Buffer;

/** Cuts what arrives into frames, each behind its 4-byte length, and copies each once, into memory of its own. */
export class FrameReader {
  readonly #memory: FrameMemory;
  readonly #length = Buffer.alloc(LENGTH_BYTES);
  #lengthFilled = 0;
  #frame: Buffer | undefined;
  #frameFilled = 0;

  constructor(memory: FrameMemory = Buffer.allocUnsafe) {
    this.#memory = memory;
  }

  /** Frames that are whole now, without their lengths; the chunk stays the caller's. False after a length that no frame has. */
  read(chunk: Buffer, onFrame: (frame: Buffer) => void): boolean {
    for (let at = 0; at < chunk.length; ) {
      if (this.#frame === undefined) {
        const copied = chunk.copy(this.#length, this.#lengthFilled, at);
        at += copied;
        this.#lengthFilled += copied;
        if (this.#lengthFilled < LENGTH_BYTES) return true;
        const frameBytes = this.#length.readInt32BE(0);
        if (frameBytes < 4 || frameBytes > FRAME_BYTES_MAX) return false;
        this.#frame = this.#memory(frameBytes);
        this.#frameFilled = 0;
      }
      const frame = this.#frame;
      const copied = chunk.copy(frame, this.#frameFilled, at);
      at += copied;
      this.#frameFilled += copied;
      if (this.#frameFilled < frame.length) return true;
      this.#frame = undefined;
      this.#lengthFilled = 0;
      onFrame(frame);
    }
    return true;
  }
}
