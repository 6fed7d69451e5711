import { crc32c as nativeCrc32c } from '@node-rs/crc32';

/** CRC-32C (Castagnoli) of `buf` as an unsigned 32-bit number; `seed` is the CRC of the bytes before it. */
export function crc32c(buf: Buffer, seed = 0): number {
  return nativeCrc32c(buf, seed);
}
