import { EdgelogError } from '@edgelog/base';

const LF = 10;
const CR = 13;
/** Far beyond what a broker takes in one batch. */
const LINE_BYTES_MAX = 64 * 2 ** 20;

/**
 * Lines of a byte stream, without their ends (`\n` or `\r\n`); the last one may have none. Bytes are not interpreted.
 * Throws LIMIT_EXCEEDED for a line that is longer than anything a broker would take.
 */
export async function* linesOf(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer[], void, undefined> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  for await (const chunk of input) {
    const lines: Buffer[] = [];
    let from = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      const last = chunk.subarray(from, end);
      lines.push(withoutReturn(begun.length === 0 ? last : Buffer.concat([...begun, last])));
      begun = [];
      begunBytes = 0;
      from = end + 1;
    }
    if (from < chunk.length) {
      begun.push(chunk.subarray(from));
      begunBytes += chunk.length - from;
    }
    if (begunBytes > LINE_BYTES_MAX) {
      throw new EdgelogError('LIMIT_EXCEEDED', `a line is longer than ${LINE_BYTES_MAX} bytes`);
    }
    if (lines.length > 0) yield lines;
  }
  if (begunBytes > 0) yield [withoutReturn(Buffer.concat(begun))];
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CR ? line.subarray(0, -1) : line;
}
