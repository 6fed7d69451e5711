/** Kept for reuse; more are made under load and left to the garbage collector. */
const FREE_MAX = 16;
/** What takes less than this part of a piece has memory of its own. */
const LEAST_PART = 16;

/**
 * Memory for batches that fill at once, their records and what is made of them, used again when they are on disk: fresh memory for each had V8 mark its
 * whole heap several times a second, since what lies beside the heap counts, too, and left holes in the C library's.
 */
export class BatchMemory {
  readonly #sizeBytes: number;
  readonly #free: Buffer[] = [];

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#sizeBytes);
  }

  /** The beginning of a piece, or memory of its own for what is too large, or too small to be worth one. */
  part(sizeBytes: number): Buffer {
    const isWorthIt = sizeBytes <= this.#sizeBytes && sizeBytes * LEAST_PART >= this.#sizeBytes;
    return isWorthIt ? this.take().subarray(0, sizeBytes) : Buffer.allocUnsafeSlow(sizeBytes);
  }

  /** A piece or a part of one, which nobody reads any more. What is of another size, having grown or never been from here, is left alone. */
  give({ buffer }: Buffer): void {
    const isPiece = buffer instanceof ArrayBuffer && buffer.byteLength === this.#sizeBytes;
    if (isPiece && this.#free.length < FREE_MAX) this.#free.push(Buffer.from(buffer));
  }
}
