/**
 * Zigzag varints of up to 64 bits, little endian groups of 7 bits, as records use them. Values are numbers; what needs
 * more than 53 bits is refused on reading.
 */
export const VARINT_BYTES_MAX = 10;

const SMALL_MAX = 2 ** 30;

/** Writes `value` (a safe integer of at most 52 bits and sign) at `at`, which must have room; gives the byte after it. */
export function writeVarint(buf: Uint8Array, value: number, at: number): number {
  if (value >= -SMALL_MAX && value < SMALL_MAX) {
    let rest = (value << 1) ^ (value >> 31);
    while (rest > 0x7f) {
      buf[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buf[at++] = rest;
    return at;
  }
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  while (rest > 0x7f) {
    buf[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  buf[at++] = rest;
  return at;
}

/** Bytes that `writeVarint` takes for a non-negative number below 2^30. */
export function varintBytes(value: number): number {
  return value < 0x40 ? 1 : value < 0x2000 ? 2 : value < 0x10_0000 ? 3 : value < 0x800_0000 ? 4 : 5;
}

/** Reads varints in sequence, never past `end`. */
export class VarintReader {
  readonly buf: Buffer;
  at: number;

  constructor(buf: Buffer, at = 0) {
    this.buf = buf;
    this.at = at;
  }

  /** The next value, or NaN where it runs past `end`, is overlong, or needs more than 53 bits; `at` then stays. */
  read(end: number): number {
    const { buf } = this;
    let at = this.at;
    if (at < end) {
      const only = buf[at]!;
      if (only < 0x80) {
        this.at = at + 1;
        return (only >>> 1) ^ -(only & 1);
      }
    }
    let scale = 1;
    let raw = 0;
    for (const last = Math.min(end, at + VARINT_BYTES_MAX); at < last; scale *= 0x80) {
      const byte = buf[at++]!;
      raw += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (raw > Number.MAX_SAFE_INTEGER) return Number.NaN;
        this.at = at;
        return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
      }
    }
    return Number.NaN;
  }
}
