import { isUtf8 } from 'node:buffer';
import { escapeCharacter, withoutControls } from '@edgelog/runtime';
import type { BatchRecord } from '@edgelog/wire';

/** Where a record lies. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** One line for people: time, partition, offset, key, value, headers, with tabs between them. */
export function toText(
  { partition }: Place,
  { offset, timestamp, key, value, headers }: BatchRecord,
): string {
  const pairs = headers.map((header) => `${printable(Buffer.from(header.key))}=${printable(header.value)}`);
  const fields = [timeOf(timestamp), partition, offset, printable(key), printable(value)];
  if (pairs.length > 0) fields.push(pairs.join(','));
  return `${fields.join('\t')}\n`;
}

/** One line of JSON. */
export function toJson({ topic, partition }: Place, record: BatchRecord): string {
  const { offset, timestamp, key, value } = record;
  const headers = record.headers.map((header) => ({ key: header.key, value: jsonValue(header.value) }));
  const fields = {
    topic,
    partition,
    offset,
    timestamp,
    key: jsonValue(key),
    value: jsonValue(value),
    headers,
  };
  return `${JSON.stringify(fields)}\n`;
}

function timeOf(timestamp: number): string {
  const date = new Date(timestamp);
  return timestamp < 0 || Number.isNaN(date.getTime()) ? '-' : date.toISOString();
}

/** As text that a terminal shows as it is: control characters, and bytes that are no UTF-8, are written as escapes. */
export function printable(bytes: Buffer | null): string {
  if (bytes === null) return 'null';
  if (!isUtf8(bytes)) return bytes.toString('latin1').replace(/[^ -~]/g, escapeCharacter);
  return withoutControls(bytes.toString());
}

/** As text; bytes that are no UTF-8 as `{"base64": …}`. */
export function jsonValue(bytes: Buffer | null): string | { base64: string } | null {
  if (bytes === null) return null;
  return isUtf8(bytes) ? bytes.toString() : { base64: bytes.toString('base64') };
}
