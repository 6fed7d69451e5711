/** Kept for reuse; more are made under load and left to the garbage collector. */
const FREE_MAX = 8;

/**
 * Memory for the records of batches that fill at once, used again when they are sealed: fresh memory for each had V8 mark its whole heap several times
 * a second, since what lies beside the heap counts, too.
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

  /** Nobody reads it any more. What is of another size, having grown or never been from here, is left alone. */
  give(memory: Buffer): void {
    if (memory.length === this.#sizeBytes && this.#free.length < FREE_MAX) this.#free.push(memory);
  }
}
