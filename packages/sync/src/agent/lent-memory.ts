import type { ReadTarget } from './read-memory.ts';

/** Pieces are powers of two between these; what is larger or smaller gets fresh memory of just its size. */
const PIECE_BYTES_MIN = 16 * 1024;
const PIECE_BYTES_MAX = 1024 * 1024;
/** Kept for what is read next, of all sizes together. */
const FREE_BYTES_MAX = 2 * 1024 * 1024;

/** What is not given back yet of a piece: several batches may have been read into it. */
interface Lent {
  bytes: number;
  readonly givenAt: Set<number>;
}

/**
 * Memory for batches that are read in any order and done with in another. Fresh memory for each had V8 mark its whole heap several times a second, and the
 * kernel clear what the C library had given back to it.
 */
export class LentMemory implements ReadTarget {
  readonly #freeMax: number;
  readonly #lent = new WeakMap<ArrayBufferLike, Lent>();
  readonly #free = new Map<number, Buffer[]>();
  #freeBytes = 0;

  constructor(freeMax = FREE_BYTES_MAX) {
    this.#freeMax = freeMax;
  }

  begin(): void {}

  readonly take = (sizeBytes: number): Buffer => {
    if (sizeBytes < PIECE_BYTES_MIN || sizeBytes > PIECE_BYTES_MAX) return Buffer.allocUnsafeSlow(sizeBytes);
    const pieceBytes = 2 ** Math.ceil(Math.log2(sizeBytes));
    const free = this.#free.get(pieceBytes)?.pop();
    if (free !== undefined) this.#freeBytes -= pieceBytes;
    const piece = free ?? Buffer.allocUnsafeSlow(pieceBytes);
    this.#lent.set(piece.buffer, { bytes: sizeBytes, givenAt: new Set() });
    return piece.subarray(0, sizeBytes);
  };

  /**
   * Nobody reads this part of what was taken any more, or will. A piece is used again when all parts of it are back, so the parts must not overlap; what
   * was not taken from here, or is back already, is left alone.
   */
  giveBack({ buffer, byteOffset, length }: Buffer): void {
    const lent = this.#lent.get(buffer);
    if (lent === undefined || lent.givenAt.has(byteOffset)) return;
    lent.givenAt.add(byteOffset);
    lent.bytes -= length;
    if (lent.bytes > 0) return;
    this.#lent.delete(buffer);
    const pieceBytes = buffer.byteLength;
    if (this.#freeBytes + pieceBytes > this.#freeMax) return;
    this.#freeBytes += pieceBytes;
    const free = this.#free.get(pieceBytes);
    const piece = Buffer.from(buffer);
    if (free === undefined) this.#free.set(pieceBytes, [piece]);
    else free.push(piece);
  }
}
