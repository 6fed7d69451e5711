import { inspect, isDeepStrictEqual } from 'node:util';
import type { Difference } from './compare.ts';

/** A difference for people: the parts of the two observations that are not the same. */
export function describeDifference({ label, kafka, hub, reason }: Difference): string {
  const why = reason === undefined ? '' : ` (on purpose: ${reason})`;
  return [`  ${label}${why}`, ...parts(kafka, hub, '')].join('\n');
}

function* parts(kafka: unknown, hub: unknown, path: string): Generator<string> {
  if (isDeepStrictEqual(kafka, hub)) return;
  const [ours, theirs] = [asComposite(hub), asComposite(kafka)];
  const areLists = Array.isArray(hub) || Array.isArray(kafka);
  if (ours && theirs && !(areLists && ours.length !== theirs.length)) {
    for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)]))
      yield* parts(theirs[key], ours[key], `${path}.${key}`);
  } else {
    yield `    ${path || 'answer'}: Kafka ${short(kafka)}, the hub ${short(hub)}`;
  }
}

function asComposite(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

function short(value: unknown): string {
  const text = inspect(value, { depth: 9, breakLength: Number.POSITIVE_INFINITY, compact: true });
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
