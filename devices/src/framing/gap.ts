import type { Framer, FramerEvents } from './framer.ts';
import { PendingBytes } from './pending-bytes.ts';

export interface GapOptions {
  /** Silence that ends a frame, ms. Below about 20 ms the operating system's own delays cut and join frames. */
  gapMs: number;
  maxBytes: number;
}

/** Frames are bursts: a silence of `gapMs` ends one. */
export class GapFramer implements Framer {
  readonly idleMs: number;
  readonly #maxBytes: number;
  readonly #events: FramerEvents;
  readonly #pending = new PendingBytes();
  #bytes = 0;
  #lastMs = 0;

  constructor({ gapMs, maxBytes }: GapOptions, events: FramerEvents) {
    this.idleMs = gapMs;
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  get pendingBytes(): number {
    return this.#pending.length;
  }

  push(chunk: Buffer, nowMs: number): void {
    this.idle(nowMs);
    this.#lastMs = nowMs;
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#maxBytes) this.#pending.push(chunk);
    else this.#pending.drop(this.#pending.length);
  }

  idle(nowMs: number): void {
    if (nowMs - this.#lastMs < this.idleMs || this.#bytes === 0) return;
    const bytes = this.#bytes;
    const frame = this.#pending.take(this.#pending.length);
    this.reset();
    if (bytes > this.#maxBytes) this.#events.overlong(bytes);
    else this.#events.frame(frame);
  }

  reset(): void {
    this.#pending.drop(this.#pending.length);
    this.#bytes = 0;
  }
}
