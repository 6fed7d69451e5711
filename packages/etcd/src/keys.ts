import { assert } from '@edgelog/base';

/** One key; all keys that begin with `prefix` ('' = every key); or `from` ≤ key < `to`, by bytes. */
export type KeyRange =
  | { readonly key: string }
  | { readonly prefix: string }
  | { readonly from: string; readonly to: string };

/** `key` and `range_end` of a request. Keys are UTF-8. */
export function rangeFields(range: KeyRange): { key: string; range_end?: string } {
  if ('key' in range) {
    assert(range.key !== '', 'an etcd key is never empty');
    return { key: base64(range.key) };
  }
  if ('from' in range) return { key: base64(range.from), range_end: base64(range.to) };
  if (range.prefix === '') return { key: ZERO, range_end: ZERO };
  return { key: base64(range.prefix), range_end: prefixEnd(range.prefix).toString('base64') };
}

/** The range that is left of `range` after `key`. */
export function rangeAfter(range: KeyRange, key: string): { key: string; range_end?: string } {
  return { ...rangeFields(range), key: Buffer.from(`${key}\0`).toString('base64') };
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

export function describeRange(range: KeyRange): string {
  if ('key' in range) return range.key;
  return 'from' in range ? `${range.from}…${range.to}` : `${range.prefix}*`;
}

const ZERO = Buffer.of(0).toString('base64');

/** First key after all that begin with `prefix`. UTF-8 has no byte 0xff, so the last byte can always be raised. */
function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1]! += 1;
  return end;
}
