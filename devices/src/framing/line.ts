import { decodedFramer } from './decoded.ts';
import type { Framer, FramerEvents } from './framer.ts';

const LF = Buffer.from('\n');
const CR = 0x0d;

/** Lines of text: `\n` ends one, one `\r` before it is stripped, empty ones are skipped. */
export function lineFramer(maxBytes: number, events: FramerEvents): Framer {
  // One byte more than the limit may be the \r that is stripped.
  return decodedFramer({ delimiter: LF, maxBytes: maxBytes + 1 }, maxBytes, stripReturn, events);
}

function stripReturn(bytes: Buffer): Buffer {
  return bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes;
}
