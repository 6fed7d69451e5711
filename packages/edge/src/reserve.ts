import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const CHUNK = Buffer.alloc(2 ** 18);

/**
 * A file that takes room on the disk for hard times: where others have filled it to the last byte, giving it up lets the log write
 * what it must to send and to free what it holds.
 */
export class Reserve {
  readonly #path: string;
  readonly #sizeBytes: number;
  /** Less or more than it should where a kill or a setting came between. */
  #heldBytes: number;

  constructor(dir: string, sizeBytes: number) {
    this.#path = join(dir, 'RESERVE');
    this.#sizeBytes = sizeBytes;
    this.#heldBytes = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }

  get isHeld(): boolean {
    return this.#heldBytes > 0;
  }

  get bytes(): number {
    return this.#heldBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Takes the room, if it is not taken; where it cannot be had, not all of it is kept. */
  take(): void {
    if (this.#heldBytes === this.#sizeBytes) return;
    try {
      const file = openSync(this.#path, 'w');
      try {
        for (let left = this.#sizeBytes; left > 0; )
          left -= writeSync(file, CHUNK, 0, Math.min(left, CHUNK.length));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      this.#heldBytes = this.#sizeBytes;
    } catch {
      this.give();
    }
  }

  /** Gives the room to the log. An unlink works on a full disk. True if there was any. */
  give(): boolean {
    const wasHeld = this.isHeld;
    rmSync(this.#path, { force: true });
    this.#heldBytes = 0;
    return wasHeld;
  }
}
