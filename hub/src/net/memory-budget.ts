/**
 * Bytes that all connections together hold for something (requests, responses). It never says no to what was begun: callers look
 * at `isExceeded` before they begin more, so that what is half read can always be finished. Half-read bytes count too, but
 * never alone, since only bytes in work are sure to be released: thus waiting always ends.
 */
export class MemoryBudget {
  readonly maxBytes: number;
  #workingBytes = 0;
  #partialBytes = 0;
  #waiting = new Set<() => void>();

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#workingBytes + this.#partialBytes;
  }

  get isExceeded(): boolean {
    return this.#workingBytes > 0 && this.heldBytes >= this.maxBytes;
  }

  get remainingBytes(): number {
    return Math.max(0, this.maxBytes - this.heldBytes);
  }

  hold(bytes: number): void {
    this.#workingBytes += bytes;
  }

  release(bytes: number): void {
    this.#workingBytes -= bytes;
    this.#relieve();
  }

  /** Half-read bytes: `delta` more, or fewer where it is negative. */
  changePartial(delta: number): void {
    this.#partialBytes += delta;
    if (delta < 0) this.#relieve();
  }

  /** Calls `resume` once, when there is room again. Asking twice with the same function counts once. */
  whenRelieved(resume: () => void): void {
    this.#waiting.add(resume);
  }

  forget(resume: () => void): void {
    this.#waiting.delete(resume);
  }

  #relieve(): void {
    if (this.#waiting.size === 0 || this.isExceeded) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) setImmediate(resume);
  }
}
