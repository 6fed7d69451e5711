import { decodedFramer } from './decoded.ts';
import type { Framer, FramerEvents } from './framer.ts';

/** A code byte stands for itself and up to 253 bytes behind it, or 254 bytes and no zero. */
const FULL = 0xff;

/** COBS (Cheshire and Baker, 1999): no zero within a frame, one zero behind it. `maxBytes` of the content. */
export function cobsFramer(maxBytes: number, events: FramerEvents): Framer {
  const wire = { delimiter: Buffer.of(0), maxBytes: maxBytes + Math.ceil(maxBytes / 254) + 1 };
  return decodedFramer(wire, maxBytes, decode, events);
}

/** Undefined where a code byte points behind the end. */
function decode(bytes: Buffer): Buffer | undefined {
  const content = Buffer.alloc(bytes.length);
  let length = 0;
  let at = 0;
  while (at < bytes.length) {
    const code = bytes[at]!;
    const next = at + code;
    if (next > bytes.length) return undefined;
    length += bytes.copy(content, length, at + 1, next);
    if (code !== FULL && next < bytes.length) content[length++] = 0;
    at = next;
  }
  return content.subarray(0, length);
}

/** One frame as it goes over the line, with its zero. */
export function cobsEncode(content: Buffer): Buffer {
  const parts: number[] = [];
  let codeAt = 0;
  parts.push(1);
  for (const byte of content) {
    if (parts[codeAt] === FULL) {
      codeAt = parts.length;
      parts.push(1);
    }
    if (byte === 0) {
      codeAt = parts.length;
      parts.push(1);
    } else {
      parts.push(byte);
      parts[codeAt] = parts[codeAt]! + 1;
    }
  }
  parts.push(0);
  return Buffer.from(parts);
}
