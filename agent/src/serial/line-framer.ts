const LF = 0x0a;
const CR = 0x0d;

export interface FramerEvents {
  /** Without its line end; never empty. Owned by the callee. */
  frame(frame: Buffer): void;
  /** A frame longer than the limit was dropped; `bytes` as far as they were counted. */
  overlong(bytes: number): void;
}

/** Cuts a byte stream into lines: `\n` ends one, one `\r` before it is stripped, empty ones are skipped. */
export class LineFramer {
  readonly #maxBytes: number;
  readonly #events: FramerEvents;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number, events: FramerEvents) {
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  /** Bytes of a line that has not ended. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      this.#keep(chunk.subarray(from, end));
      this.#end();
      from = end + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  /** Forgets a line that has not ended. */
  reset(): void {
    this.#parts = [];
    this.#bytes = 0;
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    // One byte more than the limit may be the \r that is stripped.
    if (this.#bytes > this.#maxBytes + 1) this.#parts = [];
    else if (part.length > 0) this.#parts.push(Buffer.from(part));
  }

  #end(): void {
    const bytes = this.#bytes;
    const line = Buffer.concat(this.#parts);
    this.reset();
    const isWhole = line.length === bytes;
    const frame = line.at(-1) === CR ? line.subarray(0, -1) : line;
    if (!isWhole || frame.length > this.#maxBytes) this.#events.overlong(bytes);
    else if (frame.length > 0) this.#events.frame(frame);
  }
}
