import { isUtf8 } from 'node:buffer';
import type { BatchRecord } from '@edgelog/wire';

/** How values are written: as text where they are UTF-8, as JSON where they are that, or all as base64. */
export const VALUE_FORMS = ['text', 'json', 'base64'] as const;
const UTF8_BYTES_MAX = 4;
export type ValueForm = (typeof VALUE_FORMS)[number];

/**
 * One line. Bytes that the form cannot show are `{"base64": …}`. A value of more than `valueBytesMax` is cut, and the line says
 * by `valueBytes` how long it is.
 */
export function recordLine(record: BatchRecord, form: ValueForm, valueBytesMax: number): string {
  const { offset, timestamp, key, value, headers } = record;
  const pairs = headers.map((one) => ({ key: one.key, value: textOf(one.value) }));
  const line = {
    offset,
    timestamp,
    key: textOf(key),
    value: shown(cut(value, valueBytesMax), form),
    headers: pairs,
  };
  const isCut = value !== null && value.length > valueBytesMax;
  return `${JSON.stringify(isCut ? { ...line, valueBytes: value.length } : line)}\n`;
}

/** Text is not cut within a character. */
function cut(value: Buffer | null, bytesMax: number): Buffer | null {
  if (value === null || value.length <= bytesMax) return value;
  for (let end = bytesMax; end > bytesMax - UTF8_BYTES_MAX && end > 0; end--) {
    if (isUtf8(value.subarray(0, end))) return value.subarray(0, end);
  }
  return value.subarray(0, bytesMax);
}

function shown(value: Buffer | null, form: ValueForm): unknown {
  if (value === null) return null;
  if (form === 'base64') return value.toString('base64');
  const text = textOf(value);
  if (form !== 'json' || typeof text !== 'string') return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function textOf(bytes: Buffer | null): string | { base64: string } | null {
  if (bytes === null) return null;
  return isUtf8(bytes) ? bytes.toString() : { base64: bytes.toString('base64') };
}
