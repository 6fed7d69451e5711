const HIGH_WORD_LIMIT = 2 ** 21;

/**
 * A big-endian int64 as a number, or NaN where it is no safe integer. The caller reports NaN, since it knows the
 * field's name. (−2^53 itself is refused as well as everything outside.)
 */
export function readInt64(buf: Buffer, at: number): number {
  const high = buf.readInt32BE(at);
  if (high >= HIGH_WORD_LIMIT || high < -HIGH_WORD_LIMIT) return Number.NaN;
  const value = high * 2 ** 32 + buf.readUInt32BE(at + 4);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** Writes a safe integer as a big-endian int64. */
export function writeInt64(buf: Buffer, value: number, at: number): void {
  const high = Math.floor(value / 2 ** 32);
  buf.writeInt32BE(high, at);
  buf.writeUInt32BE(value - high * 2 ** 32, at + 4);
}
