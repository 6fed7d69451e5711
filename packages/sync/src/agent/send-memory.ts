/** More than a turn and what the socket holds back: what goes beyond it gets memory of its own. */
const RING_BYTES = 2 * 2 ** 20;

/** A message's bytes, until `SendMemory.release`. */
export interface Piece {
  readonly bytes: Buffer;
  /** Where the ring goes on behind it; undefined for memory of its own. */
  readonly end: number | undefined;
  isFree: boolean;
}

/**
 * The memory of messages on their way to the socket, used over and over: fresh memory for each of them is garbage at the pace of the link, and
 * what the C library has handed out it hardly ever gives back.
 */
export class SendMemory {
  readonly #ringBytes: number;
  #ring: Buffer | undefined;
  /** Oldest first. */
  readonly #taken: Piece[] = [];
  /** Behind the newest piece. */
  #head = 0;
  /** Where the oldest piece begins, or what is left unused before it. */
  #tail = 0;

  constructor(ringBytes = RING_BYTES) {
    this.#ringBytes = ringBytes;
  }

  /** A piece of exactly so many bytes, whatever they were used for before. */
  take(sizeBytes: number): Piece {
    const at = this.#place(sizeBytes);
    if (at === undefined) return { bytes: Buffer.allocUnsafeSlow(sizeBytes), end: undefined, isFree: false };
    this.#ring ??= Buffer.allocUnsafeSlow(this.#ringBytes);
    const end = at + sizeBytes;
    const piece = { bytes: this.#ring.subarray(at, end), end, isFree: false };
    this.#taken.push(piece);
    this.#head = end;
    return piece;
  }

  /** The socket has done with it. */
  release(piece: Piece): void {
    piece.isFree = true;
    while (this.#taken[0]?.isFree === true) this.#tail = this.#taken.shift()!.end!;
    if (this.#taken.length === 0) [this.#head, this.#tail] = [0, 0];
  }

  /** Where so many bytes are free, one behind the other. */
  #place(sizeBytes: number): number | undefined {
    const isWrapped = this.#taken.length > 0 && this.#head <= this.#tail;
    const end = isWrapped ? this.#tail : this.#ringBytes;
    if (this.#head + sizeBytes <= end) return this.#head;
    return !isWrapped && sizeBytes <= this.#tail ? 0 : undefined;
  }
}
