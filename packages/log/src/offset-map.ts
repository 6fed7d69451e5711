import { randomBytes } from 'node:crypto';
import { assert } from '@edgelog/base';
import { KeyHasher } from './key-hash.ts';

/** Hashes are 128 bits: two of 64 under different secrets. No two keys of any log will share one. */
const HASH_WORDS = 4;
const SLOT_BYTES = 4 * HASH_WORDS + 8;
const LOAD_MAX = 0.75;
const SLOTS_MIN = 16;

/**
 * The latest offset of each key, in a fixed amount of memory: a table of key hashes (Kafka's cleaner has the same idea). Keys are
 * bytes [from, to) of a buffer.
 */
export class OffsetMap {
  readonly #hashes: Int32Array;
  /** Offset + 1; 0 where the slot is free. */
  readonly #offsets: Float64Array;
  readonly #mask: number;
  readonly #keysMax: number;
  readonly #first: KeyHasher;
  readonly #second: KeyHasher;
  #keys = 0;

  /** Room for `keys` keys, or as many as fit into `bytesMax`, but for `keysMin` in any case. */
  constructor(keys: number, bytesMax: number, keysMin: number) {
    let slots = SLOTS_MIN;
    while (slots * LOAD_MAX < keys && 2 * slots * SLOT_BYTES <= bytesMax) slots *= 2;
    while (slots * LOAD_MAX < keysMin) slots *= 2;
    this.#hashes = new Int32Array(slots * HASH_WORDS);
    this.#offsets = new Float64Array(slots);
    this.#mask = slots - 1;
    this.#keysMax = slots * LOAD_MAX;
    const secret = randomBytes(16);
    this.#first = new KeyHasher(secret.readInt32LE(0), secret.readInt32LE(4));
    this.#second = new KeyHasher(secret.readInt32LE(8), secret.readInt32LE(12));
  }

  get keys(): number {
    return this.#keys;
  }

  /** How many new keys it can take. */
  get room(): number {
    return this.#keysMax - this.#keys;
  }

  /** Offsets of a key come in ascending order. */
  put(buf: Buffer, from: number, to: number, offset: number): void {
    const slot = this.#slotOf(buf, from, to);
    if (this.#offsets[slot] === 0) {
      assert(this.room >= 1, `an offset map of ${this.#keys} keys has room for another`);
      this.#keys++;
      const at = slot * HASH_WORDS;
      this.#hashes[at] = this.#first.low;
      this.#hashes[at + 1] = this.#first.high;
      this.#hashes[at + 2] = this.#second.low;
      this.#hashes[at + 3] = this.#second.high;
    }
    this.#offsets[slot] = offset + 1;
  }

  /** −1 for a key that is not in it. */
  latest(buf: Buffer, from: number, to: number): number {
    return this.#offsets[this.#slotOf(buf, from, to)]! - 1;
  }

  /** The slot that holds the key, or the free one where it belongs. */
  #slotOf(buf: Buffer, from: number, to: number): number {
    this.#first.hash(buf, from, to);
    this.#second.hash(buf, from, to);
    let slot = this.#first.low & this.#mask;
    while (this.#offsets[slot] !== 0 && !this.#holdsHash(slot * HASH_WORDS)) slot = (slot + 1) & this.#mask;
    return slot;
  }

  #holdsHash(at: number): boolean {
    const hashes = this.#hashes;
    return (
      hashes[at] === this.#first.low &&
      hashes[at + 1] === this.#first.high &&
      hashes[at + 2] === this.#second.low &&
      hashes[at + 3] === this.#second.high
    );
  }
}
