import type { Framer } from '../framing/framer.ts';
import { lineFramer } from '../framing/line.ts';
import type { LineIo, LineProtocol, LineSettings } from '../profiles/decoder.ts';

export interface TextListenerOptions {
  line: LineSettings;
  maxBytes: number;
  /** One line, without its end. The first one after opening may be cut in front. */
  take(text: string, io: LineIo): void;
  /** The line was opened anew. */
  reset?(): void;
}

/** An instrument that sends lines of text by itself. */
export class TextListener implements LineProtocol {
  readonly line: LineSettings;
  readonly #options: TextListenerOptions;
  #framer: Framer | undefined;

  constructor(options: TextListenerOptions) {
    this.line = options.line;
    this.#options = options;
  }

  start(io: LineIo): void {
    this.#options.reset?.();
    this.#framer = lineFramer(this.#options.maxBytes, {
      frame: (bytes) => this.#options.take(bytes.toString('latin1'), io),
      overlong: (bytes) => io.fault('framing', `a line of ${bytes} bytes`),
      bad: (reason, bytes) => io.fault(reason, `${bytes.length} bytes that are no line`),
    });
  }

  bytes(chunk: Buffer, nowMs: number): void {
    this.#framer?.push(chunk, nowMs);
  }

  stop(): void {
    this.#framer = undefined;
  }
}

/** Anything but printable ASCII: noise, or a wrong baud rate. */
export function isPrintable(text: string): boolean {
  return /^[\x20-\x7e\t]*$/.test(text);
}
