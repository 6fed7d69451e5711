/**
 * Bytes that all connections together hold for something (requests, responses). It never says no to what was begun: callers
 * look at `isExceeded` before they begin more, so that what is half read can always be finished.
 */
export class MemoryBudget {
  readonly maxBytes: number;
  #heldBytes = 0;
  #waiting = new Set<() => void>();

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isExceeded(): boolean {
    return this.#heldBytes >= this.maxBytes;
  }

  get remainingBytes(): number {
    return Math.max(0, this.maxBytes - this.#heldBytes);
  }

  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
    if (this.isExceeded || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) setImmediate(resume);
  }

  /** Calls `resume` once, when there is room again. Asking twice with the same function counts once. */
  whenRelieved(resume: () => void): void {
    this.#waiting.add(resume);
  }

  forget(resume: () => void): void {
    this.#waiting.delete(resume);
  }
}
