const SMALLEST_BYTES = 8 * 1024;
const LARGEST_BYTES = 4 * 1024 * 1024;

/**
 * Memory for frames, used again when their request says that it is done with it, and for the batches of responses, used
 * again when those are sent. Fresh memory for each costs more than filling it: V8 counts it as external and collects the
 * whole heap for every 64 MiB.
 */
export class FramePool {
  readonly #maxFreeBytes: number;
  readonly #free = new Map<number, Buffer[]>();
  /** What is lent, by its memory. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #freeBytes = 0;

  /** Keeps up to `maxFreeBytes` that nobody uses. */
  constructor(maxFreeBytes: number) {
    this.#maxFreeBytes = maxFreeBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Uninitialised memory of exactly `bytes`. */
  take(bytes: number): Buffer {
    const size = sizeFor(bytes);
    if (size === undefined)
      return bytes < SMALLEST_BYTES ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes);
    const free = this.#free.get(size)?.pop();
    if (free !== undefined) this.#freeBytes -= size;
    const memory = free ?? Buffer.allocUnsafeSlow(size);
    this.#lent.add(memory.buffer);
    return memory.subarray(0, bytes);
  }

  /** Nobody looks at `frame` any more. Frames that are not from here are left alone. */
  giveBack(frame: Buffer): void {
    if (!this.#lent.delete(frame.buffer)) return;
    const size = frame.buffer.byteLength;
    if (this.#freeBytes + size > this.#maxFreeBytes) return;
    this.#freeBytes += size;
    const memory = Buffer.from(frame.buffer);
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [memory]);
    else list.push(memory);
  }
}

/** The power of two that holds `bytes`; undefined where pooling is not worth it. */
function sizeFor(bytes: number): number | undefined {
  if (bytes > LARGEST_BYTES || bytes <= SMALLEST_BYTES / 2) return undefined;
  return 2 ** Math.ceil(Math.log2(bytes));
}
