/** Larger reads, of batches as large as a frame may be, get memory of their own. */
const KEPT_BYTES_MAX = 2 ** 20;

/** What batches are read into. */
export interface ReadTarget {
  /** Before each read. */
  begin(): void;
  /** Memory of exactly so many bytes. */
  take(sizeBytes: number): Buffer;
}

/** Memory that one read after another fills: what the last one gave is gone with the next. */
export class ReadMemory implements ReadTarget {
  #memory = Buffer.alloc(0);
  #usedBytes = 0;

  /** What was taken before may be written over from now on. */
  begin(): void {
    if (this.#usedBytes > this.#memory.length) {
      this.#memory = Buffer.allocUnsafeSlow(Math.min(this.#usedBytes, KEPT_BYTES_MAX));
    }
    this.#usedBytes = 0;
  }

  readonly take = (sizeBytes: number): Buffer => {
    const from = this.#usedBytes;
    this.#usedBytes += sizeBytes;
    if (this.#usedBytes > this.#memory.length) return Buffer.allocUnsafeSlow(sizeBytes);
    return this.#memory.subarray(from, this.#usedBytes);
  };
}
