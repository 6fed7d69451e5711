import { type Decimal, decimal, decimalOf, scaled } from '../decimal.ts';
import type { Value } from '../reading.ts';
import type { RegisterTable } from './frame.ts';

export const REGISTER_TYPES = {
  bit: 1,
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  int64: 4,
  uint64: 4,
  float32: 2,
  float64: 4,
} as const;
export type RegisterType = keyof typeof REGISTER_TYPES;

/** One named value of a register map. */
export interface Register {
  name: string;
  table: RegisterTable;
  /** Counted from 0, as on the wire: register 30001 of a manual is `input` 0. */
  address: number;
  type: RegisterType;
  /** Order of the registers of a value that takes several: `big` is the most significant first, as is usual. */
  wordOrder: 'big' | 'little';
  /** value × scale + offset */
  scale: Decimal;
  offset: Decimal;
  unit: string;
  /** Raw values by which the instrument says that it has none. */
  absent: readonly Decimal[];
  /** Names of bits, from 0 as the least significant: the value becomes an object of them. */
  bits: ReadonlyMap<string, number> | undefined;
}

/** Registers (or bits, of a bit table) that the value takes. */
export function registerCount({ type }: Register): number {
  return REGISTER_TYPES[type];
}

/**
 * The value of a register, where `bytes` are its registers as they came. Undefined where the instrument has none: NaN,
 * infinity, or one of the `absent` values.
 */
export function registerValue(register: Register, bytes: Buffer): Value | undefined {
  const words = register.wordOrder === 'little' ? reversedWords(bytes) : bytes;
  const raw = rawValue(register.type, words);
  if (raw === undefined) return undefined;
  if (register.absent.some(({ digits, exponent }) => digits === raw.digits && exponent === raw.exponent))
    return undefined;
  if (register.type === 'bit') return raw.digits === 1n;
  const { bits } = register;
  if (bits === undefined) return scaled(raw, register.scale, register.offset);
  const pattern = BigInt.asUintN(64, raw.digits);
  return new Map([...bits].map(([name, bit]) => [name, ((pattern >> BigInt(bit)) & 1n) === 1n]));
}

function rawValue(type: RegisterType, bytes: Buffer): Decimal | undefined {
  switch (type) {
    case 'bit':
      return decimal(bytes.readUInt8(0));
    case 'int16':
      return decimal(bytes.readInt16BE(0));
    case 'uint16':
      return decimal(bytes.readUInt16BE(0));
    case 'int32':
      return decimal(bytes.readInt32BE(0));
    case 'uint32':
      return decimal(bytes.readUInt32BE(0));
    case 'int64':
      return decimal(bytes.readBigInt64BE(0));
    case 'uint64':
      return decimal(bytes.readBigUInt64BE(0));
    case 'float32':
      return decimalOf(bytes.readFloatBE(0), 'single');
    case 'float64':
      return decimalOf(bytes.readDoubleBE(0));
  }
}

function reversedWords(bytes: Buffer): Buffer {
  const words = Buffer.alloc(bytes.length);
  for (let at = 0; at < bytes.length; at += 2) bytes.copy(words, bytes.length - 2 - at, at, at + 2);
  return words;
}
