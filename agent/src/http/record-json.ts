import { isUtf8 } from 'node:buffer';
import type { BatchRecord } from '@edgelog/wire';

/** How values are written: as text where they are UTF-8, as JSON where they are that, or all as base64. */
export const VALUE_FORMS = ['text', 'json', 'base64'] as const;
export type ValueForm = (typeof VALUE_FORMS)[number];

/** One line. Bytes that the form cannot show are `{"base64": …}`. */
export function recordLine({ offset, timestamp, key, value, headers }: BatchRecord, form: ValueForm): string {
  const pairs = headers.map((one) => ({ key: one.key, value: textOf(one.value) }));
  const line = { offset, timestamp, key: textOf(key), value: shown(value, form), headers: pairs };
  return `${JSON.stringify(line)}\n`;
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
