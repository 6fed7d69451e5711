import type { RouteSetting } from './schema.ts';

/** Routes that an earlier one leaves nothing to, in words. */
export function unreachableRoutes(routes: readonly RouteSetting[]): string[] {
  const warnings: string[] = [];
  const deciding: { name: string; filters: readonly string[] }[] = [];
  for (const [i, route] of routes.entries()) {
    const name = route.name ?? `route ${i + 1}`;
    const { filters, isConditional } = filtersOf(route);
    const taker =
      filters.length === 0
        ? undefined
        : deciding.find((earlier) => filters.every((one) => earlier.filters.some((all) => covers(all, one))));
    if (taker !== undefined)
      warnings.push(`${name} is never asked: ${taker.name} takes all that it would match`);
    if (route.stop && !isConditional && filters.length > 0) deciding.push({ name, filters });
  }
  return warnings;
}

function filtersOf({ match }: RouteSetting): { filters: readonly string[]; isConditional: boolean } {
  if (typeof match === 'string') return { filters: [match], isConditional: false };
  if (Array.isArray(match)) return { filters: match, isConditional: false };
  const { topic, port, kind, client } = match;
  // What a serial line may bring as well is not judged here.
  if (topic === undefined || port !== undefined) return { filters: [], isConditional: true };
  const filters = typeof topic === 'string' ? [topic] : topic;
  return { filters, isConditional: kind !== undefined || client !== undefined };
}

const isWild = (level: string | undefined) => level === '+' || level?.startsWith('{') === true;

/** Does `all` match every topic that `one` matches? */
function covers(all: string, one: string): boolean {
  const wide = all.split('/');
  const narrow = one.split('/');
  if ((wide[0] === '#' || isWild(wide[0])) && narrow[0]!.startsWith('$')) return false;
  for (const [i, level] of wide.entries()) {
    if (level === '#') return true;
    const other = narrow[i];
    if (other === undefined || other === '#') return false;
    if (!isWild(level) && level !== other) return false;
  }
  return wide.length === narrow.length;
}
