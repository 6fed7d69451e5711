import { assert } from '@edgelog/base';

/** Readings taken but not yet on disk, over all streams; above it sources are paused. */
export const PENDING_BYTES_MAX = 8 * 1024 * 1024;

/** Counts what is in memory on its way to the disk, and tells sources when to pause and to go on. */
export class Pressure {
  readonly #limitBytes: number;
  #pendingBytes = 0;
  #isHigh = false;
  readonly #onRelief: (() => void)[] = [];

  constructor(limitBytes: number = PENDING_BYTES_MAX) {
    this.#limitBytes = limitBytes;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Sources read nothing more until `onRelief`. */
  get isHigh(): boolean {
    return this.#isHigh;
  }

  onRelief(listener: () => void): void {
    this.#onRelief.push(listener);
  }

  add(bytes: number): void {
    this.#pendingBytes += bytes;
    if (this.#pendingBytes >= this.#limitBytes) this.#isHigh = true;
  }

  remove(bytes: number): void {
    this.#pendingBytes -= bytes;
    assert(this.#pendingBytes >= 0, 'more bytes became durable than were pending');
    if (!this.#isHigh || this.#pendingBytes > this.#limitBytes / 2) return;
    this.#isHigh = false;
    for (const listener of this.#onRelief) listener();
  }
}
