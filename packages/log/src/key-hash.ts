/**
 * HalfSipHash-2-4 with 64 bits of output [Aumasson, Bernstein: SipHash], made for words of 32 bits: a hash under a secret key, so
 * that nobody can write keys that are taken for one another.
 */
export class KeyHasher {
  /** The two words of the hash made last. */
  low = 0;
  high = 0;
  readonly #key0: number;
  readonly #key1: number;

  constructor(key0: number, key1: number) {
    this.#key0 = key0 | 0;
    this.#key1 = key1 | 0;
  }

  /** Hashes bytes [from, to). */
  hash(buf: Buffer, from: number, to: number): void {
    let v0 = this.#key0;
    let v1 = this.#key1 ^ 0xee;
    let v2 = 0x6c796765 ^ this.#key0;
    let v3 = 0x74656462 ^ this.#key1;
    let at = from;
    // The words, then one with what is left and the length; then the two halves of the hash, of no word each.
    const words = (to - from) >> 2;
    for (let step = 0; step < words + 3; step++) {
      let word = 0;
      if (step < words) {
        word = buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24);
        at += 4;
      } else if (step === words) {
        word = (to - from) << 24;
        for (let shift = 0; at < to; shift += 8) word |= buf[at++]! << shift;
      } else if (step === words + 1) {
        v2 ^= 0xee;
      } else {
        this.low = v1 ^ v3;
        v1 ^= 0xdd;
      }
      v3 ^= word;
      for (let round = step <= words ? 2 : 4; round > 0; round--) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= word;
    }
    this.high = v1 ^ v3;
  }
}
