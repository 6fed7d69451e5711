/** How JSON may begin: a refusal by the parser costs twenty times as much as a look at the first byte. */
const BEGINNINGS = new Set(Buffer.from('{["-0123456789tfn \t\r\n'));

/** Undefined for what is not JSON. */
export function parsePayload(value: Buffer): unknown {
  if (value.length === 0 || !BEGINNINGS.has(value[0]!)) return undefined;
  try {
    return JSON.parse(value.toString());
  } catch {
    return undefined;
  }
}

/** `data.points[0].t` → its steps. */
export function stepsOf(path: string): (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([text, index]) =>
    index === undefined ? text : Number(index),
  );
}

/** What lies there in parsed JSON; undefined where nothing does. */
export function valueAt(value: unknown, steps: readonly (string | number)[]): unknown {
  let at = value;
  for (const step of steps) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, step)) return undefined;
    at = (at as Record<string | number, unknown>)[step];
  }
  return at;
}
