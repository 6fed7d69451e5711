const INITIAL_BYTES = 64 * 1024;
/** A scratch buffer grown beyond this is let go after the frame. */
const KEPT_BYTES = 1024 * 1024;

/**
 * Builds one frame in a scratch buffer that is used again for the next. Record batches of some size are not copied: the
 * writer remembers where they belong, and `finish` returns the frame as a list of buffers around them. Not re-entrant.
 */
export class FrameWriter {
  bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  /** Where the next byte goes. */
  at = 0;
  #viewFrom = 0;
  #views: { at: number; view: Buffer }[] = [];
  #viewBytes = 0;

  /** Starts a frame. Record buffers of `viewFrom` bytes or more become views. */
  begin(viewFrom: number): void {
    if (this.bytes.length > KEPT_BYTES) this.bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.at = 0;
    this.#viewFrom = viewFrom;
    if (this.#views.length > 0) this.#views = [];
    this.#viewBytes = 0;
  }

  /** Makes room for `need` more bytes at `at`, keeping what is before, and returns the buffer to go on with. */
  grow(at: number, need: number): Buffer {
    if (at + need > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, at + need));
      this.bytes.copy(grown, 0, 0, at);
      this.bytes = grown;
    }
    return this.bytes;
  }

  /** Puts the bytes of record batches at `at`, as views or copies, and returns the position after them. Batches that lie back to back are one view. */
  records(at: number, value: Buffer | readonly Buffer[]): number {
    if (Buffer.isBuffer(value)) return this.#part(at, value);
    let end = at;
    for (let i = 0; i < value.length; ) {
      const first = value[i++]!;
      let sizeBytes = first.length;
      while (i < value.length && isBehind(value[i]!, first, sizeBytes)) sizeBytes += value[i++]!.length;
      const isOne = sizeBytes === first.length;
      end = this.#part(end, isOne ? first : Buffer.from(first.buffer, first.byteOffset, sizeBytes));
    }
    return end;
  }

  #part(at: number, part: Buffer): number {
    if (part.length >= this.#viewFrom) {
      this.#views.push({ at, view: part });
      this.#viewBytes += part.length;
      return at;
    }
    this.grow(at, part.length).set(part, at);
    return at + part.length;
  }

  /** Bytes of the frame so far, views included. */
  get sizeBytes(): number {
    return this.at + this.#viewBytes;
  }

  /** The frame as buffers in order. They are the caller's; the views are the record buffers themselves. */
  finish(): Buffer[] {
    const own = Buffer.allocUnsafe(this.at);
    this.bytes.copy(own, 0, 0, this.at);
    const parts: Buffer[] = [];
    let from = 0;
    for (const { at, view } of this.#views) {
      if (at > from) parts.push(own.subarray(from, at));
      parts.push(view);
      from = at;
    }
    if (this.at > from) parts.push(own.subarray(from));
    return parts;
  }
}

function isBehind(part: Buffer, first: Buffer, sizeBytes: number): boolean {
  return part.buffer === first.buffer && part.byteOffset === first.byteOffset + sizeBytes;
}

/** Bytes of a records value, whether one buffer or a list. */
export function recordsBytes(value: Buffer | readonly Buffer[]): number {
  if (Buffer.isBuffer(value)) return value.length;
  let sum = 0;
  for (const part of value) sum += part.length;
  return sum;
}
