import { EdgelogError } from '@edgelog/base';

/** What a pattern took out of a name, by the name of the capture; `#` is what the last wildcard stands for. */
export type Captures = ReadonlyMap<string, string>;

/** Where a name leaves a pattern it does not match. */
export interface Mismatch {
  readonly why: string;
  /** How much of the pattern the name followed before it left it. */
  readonly levels: number;
}

/** Names of captures, and the match of a name; undefined where it does not match. */
export interface Pattern {
  readonly text: string;
  readonly captures: readonly string[];
  match(name: string): Captures | undefined;
  /** Of a name that does not match. */
  mismatch(name: string): Mismatch;
}

const CAPTURE = /^\{([A-Za-z_][A-Za-z0-9_]*)\}$/;
const NONE: Captures = new Map();

/**
 * An MQTT topic filter [MQTT-4.7], in which a level may also be a capture: `site/{site}/+/{sensor}` matches what
 * `site/+/+/+` does. A filter that begins with a wildcard does not match topics that begin with `$` [MQTT-4.7.2-1].
 * Throws CONFIG_INVALID.
 */
export function topicFilter(text: string): Pattern {
  const levels = text.split('/');
  const captures: string[] = [];
  for (const [i, level] of levels.entries()) {
    const name = CAPTURE.exec(level)?.[1];
    if (name !== undefined) {
      if (captures.includes(name)) throw invalid(text, `{${name}} stands there twice`);
      captures.push(name);
    } else if (level === '#') {
      if (i !== levels.length - 1) throw invalid(text, '# must be the last level');
      captures.push('#');
    } else if (level !== '+' && /[+#{}]/.test(level)) {
      throw invalid(
        text,
        `level ${JSON.stringify(level)}: a wildcard or {capture} must be a whole level, a name letters, digits and _`,
      );
    }
  }
  if (text === '') throw invalid(text, 'it is empty');
  const isOpen = levels.at(-1) === '#';
  const fixed = isOpen ? levels.slice(0, -1) : levels;
  const names = fixed.map((level) => CAPTURE.exec(level)?.[1]);
  const beginsWild = levels[0] === '#' || levels[0] === '+' || names[0] !== undefined;
  const match = (name: string): Captures | undefined => {
    if (beginsWild && name.startsWith('$')) return undefined;
    const given = name.split('/');
    // `sport/#` matches `sport` as well [MQTT-4.7.1-2].
    if (isOpen ? given.length < fixed.length : given.length !== fixed.length) return undefined;
    for (const [i, level] of fixed.entries()) {
      if (level !== '+' && names[i] === undefined && level !== given[i]) return undefined;
    }
    if (captures.length === 0) return NONE;
    const found = new Map<string, string>();
    for (const [i, capture] of names.entries()) if (capture !== undefined) found.set(capture, given[i]!);
    if (isOpen) found.set('#', given.slice(fixed.length).join('/'));
    return found;
  };
  const mismatch = (name: string): Mismatch => {
    const given = name.split('/');
    if (beginsWild && name.startsWith('$')) {
      return { why: `${text}: a wildcard does not stand for a first level that begins with $`, levels: 0 };
    }
    const at = fixed.findIndex((level, i) => level !== '+' && names[i] === undefined && level !== given[i]);
    if (at >= 0 && at < given.length) {
      const [is, asked] = [given[at], fixed[at]].map((level) => JSON.stringify(level));
      return { why: `${text}: level ${at + 1} is ${is}, not ${asked}`, levels: at };
    }
    const wanted = `${isOpen ? 'at least ' : ''}${fixed.length}`;
    const levels = Math.min(given.length, fixed.length);
    return { why: `${text}: it has ${given.length} levels, not ${wanted}`, levels };
  };
  return { text, captures, match, mismatch };
}

/**
 * Text in which `*` stands for anything, none included; what the last `*` stands for, as short as it can be, is the capture `#`.
 * In time that grows with the name's length, since a device chooses its client id.
 */
export function wildcard(text: string): Pattern {
  const parts = text.split('*');
  const captures = parts.length > 1 ? ['#'] : [];
  const [first, last] = [parts[0]!, parts.at(-1)!];
  const match = (name: string): Captures | undefined => {
    if (parts.length === 1) return name === text ? NONE : undefined;
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) {
      return undefined;
    }
    const lastEnd = name.length - last.length;
    let lastBegin = first.length;
    let before = lastEnd;
    for (const [i, part] of [...parts.slice(1, -1)].reverse().entries()) {
      const found = before - part.length < first.length ? -1 : name.lastIndexOf(part, before - part.length);
      if (found < first.length) return undefined;
      if (i === 0) lastBegin = found + part.length;
      before = found;
    }
    return new Map([['#', name.slice(lastBegin, lastEnd)]]);
  };
  const mismatch = (name: string): Mismatch => ({
    why: `${text}: ${JSON.stringify(name)} is not like it`,
    levels: 0,
  });
  return { text, captures, match, mismatch };
}

function invalid(text: string, why: string): EdgelogError {
  return new EdgelogError('CONFIG_INVALID', `pattern ${JSON.stringify(text)}: ${why}`);
}
