import { type CheckSpec, isIntact, sentWidth } from './check.ts';
import type { Framer, FramerEvents } from './framer.ts';
import { NoiseRun } from './noise-run.ts';
import { PendingBytes } from './pending-bytes.ts';

/** What frames with a known size have in common. */
export interface SizedOptions {
  /** Bytes that every frame begins with; empty if there are none. */
  sync: Buffer;
  /** At the end of the frame; covers what is before it from byte `from` of the frame. */
  checksum?: (CheckSpec & { from: number }) | undefined;
  /** A frame that is not whole after this silence is given up, ms. */
  gapMs: number;
}

export interface SizedLayout extends SizedOptions {
  /** Size on the line of the frame that begins here; undefined while too little of it is there; 0 if none can begin here. */
  sizeOf(bytes: Buffer): number | undefined;
  /** Bytes before the content. */
  contentFrom: number;
}

/**
 * Frames whose size is known when they begin. What does not begin with `sync`, has no possible size, fails its checksum or
 * stays half a frame costs one byte: the next frame is looked for behind it.
 */
export class SizedFramer implements Framer {
  readonly #layout: SizedLayout;
  readonly #events: FramerEvents;
  readonly #noise: NoiseRun;
  readonly #pending = new PendingBytes();
  #lastMs = 0;

  constructor(layout: SizedLayout, events: FramerEvents) {
    this.#layout = layout;
    this.#events = events;
    this.#noise = new NoiseRun(events);
  }

  get idleMs(): number {
    return this.#layout.gapMs;
  }

  get pendingBytes(): number {
    return this.#pending.length;
  }

  push(chunk: Buffer, nowMs: number): void {
    this.idle(nowMs);
    this.#lastMs = nowMs;
    this.#pending.push(chunk);
    this.#scan();
  }

  idle(nowMs: number): void {
    if (nowMs - this.#lastMs < this.#layout.gapMs) return;
    while (this.#pending.length > 0) {
      this.#skip(1, 'framing');
      this.#scan();
    }
    this.#noise.end();
  }

  reset(): void {
    this.#pending.drop(this.#pending.length);
    this.#noise.reset();
  }

  #scan(): void {
    const { sync, sizeOf, checksum, contentFrom } = this.#layout;
    while (this.#pending.length > 0) {
      if (!this.#seekSync(sync)) return;
      const bytes = this.#pending.view;
      const size = sizeOf(bytes);
      if (size === undefined || size > bytes.length) return;
      if (size === 0) {
        this.#skip(1, 'framing');
        continue;
      }
      const checkAt = size - (checksum === undefined ? 0 : sentWidth(checksum));
      if (
        checksum !== undefined &&
        !isIntact(checksum, bytes.subarray(checksum.from, checkAt), bytes.subarray(checkAt, size))
      ) {
        this.#skip(1, 'checksum');
        continue;
      }
      const content = this.#pending.take(size).subarray(contentFrom, checkAt);
      this.#noise.end();
      if (content.length > 0) this.#events.frame(content);
    }
  }

  /** True if what is pending begins with `sync`, false if more bytes have to tell. */
  #seekSync(sync: Buffer): boolean {
    const at = this.#pending.view.indexOf(sync);
    if (at >= 0) {
      this.#skip(at, 'framing');
      return true;
    }
    this.#skip(Math.max(0, this.#pending.length - sync.length + 1), 'framing');
    return false;
  }

  #skip(bytes: number, reason: 'checksum' | 'framing'): void {
    this.#noise.add(this.#pending.take(bytes), reason);
  }
}
