import { writeVarint } from './varint.ts';

/** Up to here a loop in JavaScript beats a call into the runtime. */
const SHORT_STRING_UNITS = 48;
const SHORT_VALUE_BYTES = 24;

/** Writes length and UTF-8 of `text` at `at`, which must have room; gives the byte after it. */
export function writeString(buf: Buffer, text: string, at: number): number {
  if (text.length <= SHORT_STRING_UNITS) {
    const end = writeShortAscii(buf, text, at);
    if (end >= 0) return end;
  }
  const from = writeVarint(buf, Buffer.byteLength(text), at);
  return from + buf.write(text, from, 'utf8');
}

/** Writes length and bytes, or length −1 for null, at `at`, which must have room; gives the byte after it. */
export function writeBytes(buf: Buffer, bytes: Buffer | null, at: number): number {
  if (bytes === null) return writeVarint(buf, -1, at);
  const { length } = bytes;
  const from = writeVarint(buf, length, at);
  if (length <= SHORT_VALUE_BYTES) {
    for (let i = 0; i < length; i++) buf[from + i] = bytes[i]!;
  } else {
    buf.set(bytes, from);
  }
  return from + length;
}

/** −1 where `text` is not ASCII; what was written by then is to be overwritten. */
function writeShortAscii(buf: Buffer, text: string, at: number): number {
  const { length } = text;
  const from = writeVarint(buf, length, at);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return -1;
    buf[from + i] = unit;
  }
  return from + length;
}
