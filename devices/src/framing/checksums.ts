/** What a checksum is computed with; `width` bytes of it are sent. */
interface Checksum {
  readonly width: 1 | 2 | 4;
  of(bytes: Buffer): number;
}

interface CrcModel {
  readonly width: 2 | 4;
  readonly polynomial: number;
  readonly initial: number;
  readonly isReflected: boolean;
  readonly finalXor: number;
}

/** A CRC by table, parameters as in the catalogue of Greg Cook (reveng.sourceforge.io/crc-catalogue). */
function crc({ width, polynomial, initial, isReflected, finalXor }: CrcModel): Checksum {
  const bits = width * 8;
  const mask = width === 4 ? 0xffff_ffff : 0xffff;
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    if (isReflected) {
      const reversed = reverse(polynomial, bits);
      let value = byte;
      for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ reversed : value >>> 1;
      return value >>> 0;
    }
    const top = 2 ** (bits - 1);
    let value = (byte << (bits - 8)) >>> 0;
    for (let bit = 0; bit < 8; bit++) value = (value & top ? (value << 1) ^ polynomial : value << 1) & mask;
    return value >>> 0;
  });
  return {
    width,
    of(bytes) {
      let value = initial;
      for (const byte of bytes) {
        value = isReflected
          ? (value >>> 8) ^ table[(value ^ byte) & 0xff]!
          : ((value << 8) & mask) ^ table[((value >>> (bits - 8)) ^ byte) & 0xff]!;
      }
      return ((value ^ finalXor) & mask) >>> 0;
    },
  };
}

function reverse(value: number, bits: number): number {
  let reversed = 0;
  for (let bit = 0; bit < bits; bit++) if ((value >>> bit) & 1) reversed |= 1 << (bits - 1 - bit);
  return reversed >>> 0;
}

function sumOf(bytes: Buffer): number {
  let sum = 0;
  for (const byte of bytes) sum = (sum + byte) & 0xff;
  return sum;
}

const CRC16 = { width: 2, polynomial: 0x1021, initial: 0, isReflected: false, finalXor: 0 } as const;

export const CHECKSUMS = {
  xor: { width: 1, of: (bytes) => bytes.reduce((value, byte) => value ^ byte, 0) },
  sum8: { width: 1, of: sumOf },
  /** Two's complement of the sum: with it, all bytes add up to 0 (Modbus ASCII calls it LRC). */
  lrc: { width: 1, of: (bytes) => -sumOf(bytes) & 0xff },
  'crc16-modbus': crc({ ...CRC16, polynomial: 0x8005, initial: 0xffff, isReflected: true }),
  'crc16-arc': crc({ ...CRC16, polynomial: 0x8005, isReflected: true }),
  /** CRC-16/IBM-3740, which most manuals mean by CCITT: initial value 0xFFFF. */
  'crc16-ccitt': crc({ ...CRC16, initial: 0xffff }),
  'crc16-xmodem': crc(CRC16),
  'crc16-kermit': crc({ ...CRC16, isReflected: true }),
  /** CRC-16/IBM-SDLC: HDLC, PPP, the optical ports of meters. */
  'crc16-x25': crc({ ...CRC16, initial: 0xffff, isReflected: true, finalXor: 0xffff }),
  crc32: crc({
    width: 4,
    polynomial: 0x04c11db7,
    initial: 0xffff_ffff,
    isReflected: true,
    finalXor: 0xffff_ffff,
  }),
} as const satisfies Readonly<Record<string, Checksum>>;

export type ChecksumName = keyof typeof CHECKSUMS;

/** The checksum of `bytes`, as an unsigned number of `checksumWidth(name)` bytes. */
export function checksumOf(name: ChecksumName, bytes: Buffer): number {
  return CHECKSUMS[name].of(bytes);
}

export function checksumWidth(name: ChecksumName): 1 | 2 | 4 {
  return CHECKSUMS[name].width;
}
