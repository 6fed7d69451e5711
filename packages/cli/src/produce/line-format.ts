import { EdgelogError } from '@edgelog/base';
import type { RecordHeader } from '@edgelog/wire';
import { readProperties } from '../kafka/config-pairs.ts';

const DEFAULTS = {
  'parse.key': 'false',
  'parse.headers': 'false',
  'key.separator': '\t',
  'headers.delimiter': '\t',
  'headers.separator': ',',
  'headers.key.separator': ':',
  'null.marker': '',
};

/** What a line is as a record. */
export interface LineRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeader[];
}

/**
 * Reads lines as Kafka's console producer does with these values of its --property: `HEADERS<tab>KEY<tab>VALUE`, as far as headers and
 * keys are asked for. The function that it gives throws REFUSED, with the line's number, where a separator is missing.
 */
export function lineFormat(
  flag: string,
  properties: readonly string[],
): (line: Buffer, number: number) => LineRecord {
  const settings = readProperties(flag, properties, DEFAULTS);
  const [hasHeaders, hasKey] = [settings['parse.headers'] === 'true', settings['parse.key'] === 'true'];
  const marker = settings['null.marker'];
  const orNull = (bytes: Buffer) => (marker !== '' && bytes.equals(Buffer.from(marker)) ? null : bytes);
  return (line, number) => {
    const cut = (text: Buffer, separator: string, what: string): [Buffer, Buffer] => {
      const at = text.indexOf(separator);
      if (at < 0) {
        throw new EdgelogError('REFUSED', `line ${number} has no ${what} ${JSON.stringify(separator)}`);
      }
      return [text.subarray(0, at), text.subarray(at + Buffer.byteLength(separator))];
    };
    let headers: RecordHeader[] = [];
    let rest = line;
    if (hasHeaders) {
      const [head, tail] = cut(rest, settings['headers.delimiter'], 'delimiter of headers');
      rest = tail;
      const pairs =
        orNull(head) === null || head.length === 0 ? [] : split(head, settings['headers.separator']);
      headers = pairs.map((pair) => {
        const [key, value] = cut(pair, settings['headers.key.separator'], 'separator in a header');
        return { key: key.toString(), value: orNull(value) };
      });
    }
    if (!hasKey) return { key: null, value: orNull(rest), headers };
    const [key, value] = cut(rest, settings['key.separator'], 'key separator');
    return { key: orNull(key), value: orNull(value), headers };
  };
}

function split(bytes: Buffer, separator: string): Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(separator); at >= 0; at = bytes.indexOf(separator, from)) {
    parts.push(bytes.subarray(from, at));
    from = at + Buffer.byteLength(separator);
  }
  return [...parts, bytes.subarray(from)];
}
