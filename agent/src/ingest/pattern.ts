import { EdgelogError } from '@edgelog/base';

/** What a pattern took out of a name, by the name of the capture; `#` is what the last wildcard stands for. */
export type Captures = ReadonlyMap<string, string>;

/** Names of captures, and the match of a name; undefined where it does not match. */
export interface Pattern {
  readonly text: string;
  readonly captures: readonly string[];
  match(name: string): Captures | undefined;
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
  return { text, captures, match };
}

/** Text in which `*` stands for anything, none included; what the last `*` stands for is the capture `#`. */
export function wildcard(text: string): Pattern {
  const parts = text.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('(.*)')}$`, 's');
  const captures = parts.length > 1 ? ['#'] : [];
  const match = (name: string): Captures | undefined => {
    const found = expression.exec(name);
    if (found === null) return undefined;
    return captures.length === 0 ? NONE : new Map([['#', found.at(-1)!]]);
  };
  return { text, captures, match };
}

function invalid(text: string, why: string): EdgelogError {
  return new EdgelogError('CONFIG_INVALID', `pattern ${JSON.stringify(text)}: ${why}`);
}
