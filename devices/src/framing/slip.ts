import { decodedFramer } from './decoded.ts';
import type { Framer, FramerEvents } from './framer.ts';

/** Special bytes [RFC 1055]. */
const END = 0xc0;
const ESC = 0xdb;
const ESC_END = 0xdc;
const ESC_ESC = 0xdd;

/** SLIP [RFC 1055]: END before and after a frame, END and ESC within it as two bytes. `maxBytes` of the content. */
export function slipFramer(maxBytes: number, events: FramerEvents): Framer {
  const wire = { delimiter: Buffer.of(END), maxBytes: 2 * maxBytes };
  return decodedFramer(wire, maxBytes, decode, events);
}

/** Undefined where ESC stands before anything else than its two companions. */
function decode(bytes: Buffer): Buffer | undefined {
  const content = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    let byte = bytes[i]!;
    if (byte === ESC) {
      i += 1;
      if (bytes[i] !== ESC_END && bytes[i] !== ESC_ESC) return undefined;
      byte = bytes[i] === ESC_END ? END : ESC;
    }
    content[length++] = byte;
  }
  return content.subarray(0, length);
}

/** One frame as it goes over the line. */
export function slipEncode(content: Buffer): Buffer {
  const escaped = [...content].flatMap((byte) =>
    byte === END ? [ESC, ESC_END] : byte === ESC ? [ESC, ESC_ESC] : [byte],
  );
  return Buffer.from([END, ...escaped, END]);
}
