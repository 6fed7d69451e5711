import type { ReadRecord } from './session.ts';

/** What a producer was told to send: keys `<prefix>-0` … `<prefix>-<count − 1>`. */
export interface Sent {
  prefix: string;
  count: number;
}

/**
 * Throws unless `records` are exactly what was sent: each once, with its value and header as the contract makes them,
 * in each partition in the order of offsets, and those without a hole when `fromStart`.
 */
export function checkRecords(records: readonly ReadRecord[], sent: readonly Sent[], fromStart = false): void {
  const missing = new Map<string, string>(
    sent.flatMap(({ prefix, count }) =>
      Array.from({ length: count }, (_, i) => [`${prefix}-${i}`, prefix] as const),
    ),
  );
  const problems: string[] = [];
  const next = new Map<number, number>();
  for (const { partition, offset, key, headers, value } of records) {
    const at = `partition ${partition} offset ${offset}`;
    const expected = next.get(partition) ?? (fromStart ? 0 : offset);
    if (fromStart ? offset !== expected : offset < expected)
      problems.push(`${at} where ${expected} should be`);
    next.set(partition, offset + 1);
    const prefix = missing.get(key);
    if (prefix === undefined) problems.push(`${at}: ${key} twice, or never sent`);
    else if (headers !== `origin=${prefix}`) problems.push(`${at}: headers ${headers}`);
    if (value !== `${key};`.repeat(10)) problems.push(`${at}: ${key} has value ${value}`);
    missing.delete(key);
  }
  if (missing.size > 0) problems.push(`${missing.size} missing, first ${[...missing.keys()][0]}`);
  if (problems.length > 0) throw new Error(`${problems.length} problems: ${problems.slice(0, 5).join('; ')}`);
}
