import { STRING_BYTES_MAX, ZERO_UUID } from '../schema/layout.ts';
import { type FrameWriter, recordsBytes } from './frame-writer.ts';

/** Thrown by compiled codecs. It says nothing: the interpreted form then finds out what is wrong, and where. */
const failed = new Error('the message does not fit its schema');

/** Up to this length a loop over ASCII is faster than a call into the runtime. */
const SHORT_STRING = 24;
/** A string of so many UTF-16 units has a compact length of one byte whatever they are. */
const ONE_BYTE_LENGTH = 42;

const HEX = new Int8Array(128).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  HEX[digit.toString(16).charCodeAt(0)] = digit;
  HEX[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

const UUID_DASHES = [8, 13, 18, 23];
const UUID_PAIRS = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);

/** What the source of compiled codecs calls. It never writes or reads beyond what the caller has checked. */
export const support = {
  failed,
  empty: Buffer.alloc(0),
  isBuffer: Buffer.isBuffer,
  recordsBytes,
  /** Position after the varint that `readUvarint` read last. */
  at: 0,
  /** Array elements of the message that is being decoded, so far. */
  elements: 0,

  readUvarint(bytes: Buffer, at: number): number {
    let value = 0;
    let position = at;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = bytes[position++];
      if (byte === undefined) throw failed;
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (value >= 2 ** 32) throw failed;
        support.at = position;
        return value;
      }
    }
    throw failed;
  },

  readString(bytes: Buffer, from: number, to: number): string {
    return bytes.toString('utf8', from, to);
  },

  readUuid: formatUuid,

  writeUvarint(bytes: Buffer, at: number, value: number): number {
    let position = at;
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes[position++] = (rest & 127) | 128;
    bytes[position++] = rest;
    return position;
  },

  /** With a length of two bytes. */
  writeString(bytes: Buffer, at: number, value: string): number {
    const end = writeText(bytes, at + 2, value);
    const length = end - at - 2;
    if (length > STRING_BYTES_MAX) throw failed;
    bytes[at] = length >>> 8;
    bytes[at + 1] = length;
    return end;
  },

  writeCompactString(bytes: Buffer, at: number, value: string): number {
    if (value.length <= ONE_BYTE_LENGTH) {
      const end = writeText(bytes, at + 1, value);
      bytes[at] = end - at;
      return end;
    }
    const length = Buffer.byteLength(value);
    if (length > STRING_BYTES_MAX) throw failed;
    return writeText(bytes, support.writeUvarint(bytes, at, length + 1), value);
  },

  writeUuid(bytes: Buffer, at: number, value: unknown): void {
    if (value === ZERO_UUID) {
      bytes.fill(0, at, at + 16);
      return;
    }
    if (typeof value !== 'string' || value.length !== 36) throw failed;
    for (const dash of UUID_DASHES) if (value.charCodeAt(dash) !== 45) throw failed;
    for (let i = 0; i < 16; i++) {
      const pair = UUID_PAIRS[i]!;
      const byte = hexDigit(value, pair) * 16 + hexDigit(value, pair + 1);
      bytes[at + i] = byte;
    }
  },

  /**
   * Puts the size of a tagged field before it: `from` is the one byte kept free, `to` the end of the content, which moves
   * when the size needs more. Returns the new end.
   */
  writeTaggedSize(writer: FrameWriter, from: number, to: number): number {
    const size = to - from - 1;
    if (size < 128) {
      writer.bytes[from] = size;
      return to;
    }
    const bytes = writer.grow(to, 4);
    const content = Buffer.from(bytes.subarray(from + 1, to));
    const at = support.writeUvarint(bytes, from, size);
    bytes.set(content, at);
    return at + size;
  },
};

export function formatUuid(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function hexDigit(text: string, at: number): number {
  const digit = HEX[text.charCodeAt(at)] ?? -1;
  if (digit < 0) throw failed;
  return digit;
}

function writeText(bytes: Buffer, at: number, value: string): number {
  const { length } = value;
  if (length > SHORT_STRING) return at + bytes.write(value, at);
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i);
    if (unit > 127) return at + bytes.write(value, at);
    bytes[at + i] = unit;
  }
  return at + length;
}
