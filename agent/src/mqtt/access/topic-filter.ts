/** A topic filter by its levels. */
export type Filter = readonly string[];

/** [MQTT-4.7.1-2] [MQTT-4.7.1-3] Undefined for what is no topic filter. */
export function parseFilter(text: string): Filter | undefined {
  const levels = text.split('/');
  const isFilter = levels.every((level, i) =>
    level.includes('#') ? level === '#' && i === levels.length - 1 : level === '+' || !level.includes('+'),
  );
  return text !== '' && isFilter ? levels : undefined;
}

/** Some topic matches both. `#` also stands for the level above it; wildcards at the front leave out topics that begin with $ [MQTT-4.7.2-1]. */
export function overlaps(one: Filter, other: Filter): boolean {
  if (isHidden(one, other) || isHidden(other, one)) return false;
  for (let i = 0; ; i++) {
    const a = one[i];
    const b = other[i];
    if (a === '#' || b === '#') return true;
    if (a === undefined || b === undefined) return a === b;
    if (a !== '+' && b !== '+' && a !== b) return false;
  }
}

/** Every topic that matches `narrow` matches `wide`; a topic by its levels is a filter of one topic. */
export function covers(wide: Filter, narrow: Filter): boolean {
  if (isHidden(wide, narrow)) return false;
  for (let i = 0; ; i++) {
    const a = wide[i];
    const b = narrow[i];
    if (a === '#') return true;
    if (a === undefined || b === undefined) return a === b;
    if (b === '#' || (a !== '+' && a !== b)) return false;
  }
}

function isHidden(wild: Filter, named: Filter): boolean {
  return (wild[0] === '#' || wild[0] === '+') && named[0]!.startsWith('$');
}
