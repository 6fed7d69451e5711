import type { Position } from '@edgelog/sync';

/** No session has more than its credit under way (DESIGN, sync): a hub may have so much that it did not acknowledge. */
export const MAY_BE_SENT_BYTES = 8 * 2 ** 20;

/**
 * The ends of the batches of a run that went to the uplink and are not acknowledged, each with its CRC: a batch may be
 * damaged on the disk while it travels, and the hub's answer has to be understood all the same. In memory only.
 */
export class SentBatches {
  /** By the offset after the batch; in the order in which they were read last. */
  readonly #crcs = new Map<number, { crc: number; bytes: number }>();
  #bytes = 0;

  add({ next, crc }: Position, bytes: number): void {
    this.#forget(next);
    this.#crcs.set(next, { crc, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#crcs.keys()) {
      // What was read last may not have fitted any more.
      if (this.#bytes - bytes <= MAY_BE_SENT_BYTES) break;
      this.#forget(oldest);
    }
  }

  /** All below `next` is acknowledged. */
  settle(next: number): void {
    for (const end of this.#crcs.keys()) {
      if (end > next) break;
      this.#forget(end);
    }
  }

  crcEndingAt(next: number): number | undefined {
    return this.#crcs.get(next)?.crc;
  }

  *[Symbol.iterator](): Iterator<Position> {
    for (const [next, { crc }] of this.#crcs) yield { next, crc };
  }

  #forget(next: number): void {
    this.#bytes -= this.#crcs.get(next)?.bytes ?? 0;
    this.#crcs.delete(next);
  }
}
