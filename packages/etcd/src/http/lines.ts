import { EtcdError } from '../error.ts';

/** Far above etcd's fragments (2 MiB and one event, in base64). */
const LINE_BYTES_MAX = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Cuts a stream of newline-delimited JSON into lines. Pure; holds at most one unfinished line. */
export class Lines {
  #parts: Buffer[] = [];
  #bytes = 0;

  /** The lines that end within `chunk`. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let at = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, at)) {
      this.#parts.push(chunk.subarray(at, end));
      const line = Buffer.concat(this.#parts).toString();
      if (line.trim() !== '') lines.push(line);
      this.#parts = [];
      this.#bytes = 0;
      at = end + 1;
    }
    if (at < chunk.length) this.#parts.push(chunk.subarray(at));
    this.#bytes += chunk.length - at;
    if (this.#bytes > LINE_BYTES_MAX)
      throw new EtcdError('BAD_ANSWER', 'unknown', `etcd sent a line of more than ${LINE_BYTES_MAX} bytes`);
    return lines;
  }
}
