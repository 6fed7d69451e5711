const WINDOW = 64;

/** What `work` makes of each item, in their order; some at a time, however many a request names. */
export async function inWindows<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += WINDOW)
    results.push(...(await Promise.all(items.slice(at, at + WINDOW).map(work))));
  return results;
}
