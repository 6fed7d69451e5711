import { PAGE_ROWS } from './query.ts';

/** One page of a table. */
export interface Rows<T> {
  /** Rows that match, on all pages. */
  matching: number;
  /** From 0. */
  page: number;
  rows: T[];
}

/** Counts all, and keeps the first `count` by name, in order, without sorting the rest. */
export function firstByName<T>(
  items: Iterable<T>,
  nameOf: (item: T) => string,
  count: number,
): { matching: number; first: T[] } {
  const byName = (a: T, b: T) => compareNames(nameOf(a), nameOf(b));
  let first: T[] = [];
  let matching = 0;
  let bound: string | undefined;
  for (const item of items) {
    matching += 1;
    if (bound !== undefined && compareNames(nameOf(item), bound) > 0) continue;
    first.push(item);
    if (first.length < 2 * count + 1) continue;
    first = first.sort(byName).slice(0, count);
    bound = first.length === 0 ? '' : nameOf(first.at(-1)!);
  }
  return { matching, first: first.sort(byName).slice(0, count) };
}

export function pageOf<T>(first: readonly T[], matching: number, page: number): Rows<T> {
  return { matching, page, rows: first.slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS) };
}

/** Whether a name has the searched text in it, in any case; `text` is in lower case. */
export function contains(name: string, text: string): boolean {
  return text === '' || name.toLowerCase().includes(text);
}

/** By code unit: the same order on every machine. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
