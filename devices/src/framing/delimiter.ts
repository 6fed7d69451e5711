import type { Framer, FramerEvents } from './framer.ts';
import { PendingBytes } from './pending-bytes.ts';

export interface DelimiterOptions {
  /** At least one byte. */
  delimiter: Buffer;
  /** Of a frame, without its delimiter. */
  maxBytes: number;
}

/** Frames end with a delimiter, which is not part of them; empty ones are skipped. */
export class DelimiterFramer implements Framer {
  readonly #delimiter: Buffer;
  readonly #maxBytes: number;
  readonly #events: FramerEvents;
  readonly #pending = new PendingBytes();
  /** Bytes of an overlong frame that were dropped already. */
  #dropped = 0;

  constructor({ delimiter, maxBytes }: DelimiterOptions, events: FramerEvents) {
    this.#delimiter = delimiter;
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  get pendingBytes(): number {
    return this.#pending.length;
  }

  push(chunk: Buffer): void {
    const kept = this.#delimiter.length - 1;
    // A delimiter may have begun in what is pending.
    let from = Math.max(0, this.#pending.length - kept);
    this.#pending.push(chunk);
    for (;;) {
      const end = this.#pending.view.indexOf(this.#delimiter, from);
      if (end < 0) break;
      this.#end(end);
      from = 0;
    }
    const excess = this.#pending.length - kept;
    if (excess > this.#maxBytes || this.#dropped > 0) {
      this.#dropped += Math.max(0, excess);
      this.#pending.drop(Math.max(0, excess));
    }
  }

  reset(): void {
    this.#pending.drop(this.#pending.length);
    this.#dropped = 0;
  }

  #end(length: number): void {
    const bytes = this.#dropped + length;
    const isOverlong = bytes > this.#maxBytes;
    const frame = isOverlong ? undefined : this.#pending.take(length);
    if (isOverlong) this.#pending.drop(length);
    this.#pending.drop(this.#delimiter.length);
    this.#dropped = 0;
    if (frame === undefined) this.#events.overlong(bytes);
    else if (frame.length > 0) this.#events.frame(frame);
  }
}
