/** Bytes of a frame that has not ended, in one buffer that grows with it and is cut from the front. */
export class PendingBytes {
  #buffer: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;

  get length(): number {
    return this.#to - this.#from;
  }

  /** A view, valid until the next `push`. */
  get view(): Buffer {
    return this.#buffer.subarray(this.#from, this.#to);
  }

  push(chunk: Buffer): void {
    const length = this.length + chunk.length;
    if (this.#to + chunk.length > this.#buffer.length) {
      const room = length <= this.#buffer.length / 2 ? this.#buffer : Buffer.allocUnsafeSlow(length * 2);
      this.view.copy(room);
      this.#buffer = room;
      this.#from = 0;
      this.#to = length - chunk.length;
    }
    chunk.copy(this.#buffer, this.#to);
    this.#to += chunk.length;
  }

  /** Removes the first bytes and returns a copy of them. */
  take(bytes: number): Buffer {
    const taken = Buffer.from(this.view.subarray(0, bytes));
    this.drop(bytes);
    return taken;
  }

  drop(bytes: number): void {
    this.#from = Math.min(this.#to, this.#from + bytes);
    if (this.#from < this.#to) return;
    this.#from = 0;
    this.#to = 0;
    // What one long frame needed is not kept for short ones.
    if (this.#buffer.length > 65_536) this.#buffer = Buffer.alloc(0);
  }
}
