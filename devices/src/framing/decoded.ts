import { DelimiterFramer, type DelimiterOptions } from './delimiter.ts';
import type { Framer, FramerEvents } from './framer.ts';

/**
 * Frames between delimiters, decoded: `decode` gives the content, or undefined where the bytes are no frame. `maxBytes` is
 * that of the content, `wire.maxBytes` what it may take on the line. Empty content is skipped.
 */
export function decodedFramer(
  wire: DelimiterOptions,
  maxBytes: number,
  decode: (bytes: Buffer) => Buffer | undefined,
  events: FramerEvents,
): Framer {
  return new DelimiterFramer(wire, {
    overlong: (bytes) => events.overlong(bytes),
    bad: (reason, bytes) => events.bad(reason, bytes),
    frame(bytes) {
      const content = decode(bytes);
      if (content === undefined) events.bad('framing', bytes);
      else if (content.length > maxBytes) events.overlong(bytes.length);
      else if (content.length > 0) events.frame(content);
    },
  });
}
