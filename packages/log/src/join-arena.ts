/**
 * Batches of a partition that meet in one commit are joined into one stored value up to this size. Small values waste
 * pages (16 KiB ones a fifth); larger ones gain nothing more, and a read of a few batches copies a whole value.
 */
export const VALUE_BYTES_MAX = 120 * 1024;

const BLOCK_BYTES = 2 ** 20;
/** Blocks kept for reuse; more are made under load and left to the garbage collector. */
const FREE_BLOCKS_MAX = 8;

/**
 * Memory in which small batches are joined into stored values. Blocks are used again once their commit is on disk: fresh
 * buffers for every commit cost more in page faults and collections than the copying does.
 */
export class JoinArena {
  readonly #free: Buffer[] = [];
  #blocks: Buffer[] = [];
  #used = 0;

  /** The parts, `sizeBytes` together and at most a block, back to back. Valid until the release of its commit. */
  join(parts: readonly Buffer[], sizeBytes: number): Buffer {
    if (lieBackToBack(parts)) return Buffer.from(parts[0]!.buffer, parts[0]!.byteOffset, sizeBytes);
    let block = this.#blocks.at(-1);
    if (block === undefined || this.#used + sizeBytes > BLOCK_BYTES) {
      block = this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
      this.#blocks.push(block);
      this.#used = 0;
    }
    const start = this.#used;
    for (const part of parts) this.#used += part.copy(block, this.#used);
    return block.subarray(start, this.#used);
  }

  /** Ends a commit: returns the function that frees its blocks. */
  endCommit(): () => void {
    const blocks = this.#blocks;
    this.#blocks = [];
    return () => {
      for (const block of blocks) if (this.#free.length < FREE_BLOCKS_MAX) this.#free.push(block);
    };
  }
}

/** As batches that came together from a leader do. */
function lieBackToBack(parts: readonly Buffer[]): boolean {
  let end = parts[0]!.byteOffset;
  for (const part of parts) {
    if (part.buffer !== parts[0]!.buffer || part.byteOffset !== end) return false;
    end += part.length;
  }
  return true;
}
