interface Mark {
  /** Everything below is acknowledged. */
  next: number;
  /** Stored bytes from the mark before to this one. */
  bytes: number;
}

/** Marks are merged until they span this part of the window. */
const MARKS_PER_WINDOW = 32;

/**
 * How far back acknowledged data is kept, so that a hub which lost its newest data gets it again. Counted in stored
 * bytes between acknowledged positions, which all are batch ends.
 */
export class ReplayWindow {
  readonly #keepBytes: number;
  #marks: Mark[] = [];
  #bytes = 0;

  constructor(keepBytes: number) {
    this.#keepBytes = keepBytes;
  }

  /** Data up to `next` is acknowledged, `bytes` more than at the last call. Answers up to where data may go, if anywhere new. */
  advance(next: number, bytes: number): number | undefined {
    const last = this.#marks.at(-1);
    if (last !== undefined && last.bytes + bytes <= this.#keepBytes / MARKS_PER_WINDOW) {
      last.next = next;
      last.bytes += bytes;
    } else {
      this.#marks.push({ next, bytes });
    }
    this.#bytes += bytes;
    return this.#shrink(this.#keepBytes);
  }

  /** Gives up the window: the disk is needed. */
  release(): number | undefined {
    return this.#shrink(0);
  }

  /** A new run: nothing of it is acknowledged. */
  clear(): void {
    this.#marks = [];
    this.#bytes = 0;
  }

  #shrink(keepBytes: number): number | undefined {
    let freed: number | undefined;
    while (this.#bytes > keepBytes) {
      const mark = this.#marks.shift();
      if (mark === undefined) break;
      this.#bytes -= mark.bytes;
      freed = mark.next;
    }
    return freed;
  }
}
