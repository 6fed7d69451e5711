/** Those that occur more than once. A request may hold millions, so none is compared with all the others. */
export function repeatedIn<K>(keys: Iterable<K>): ReadonlySet<K> {
  const once = new Set<K>();
  const repeated = new Set<K>();
  for (const key of keys) (once.has(key) ? repeated : once).add(key);
  return repeated;
}

/** The first item of each key: what is named a thousand times is answered once, as Kafka does. */
export function distinctBy<T, K>(items: readonly T[], keyOf: (item: T) => K): T[] {
  const seen = new Set<K>();
  return items.filter((item) => {
    const key = keyOf(item);
    return !seen.has(key) && seen.add(key);
  });
}
