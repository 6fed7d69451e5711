/** Why a text is no pattern; the message is for who wrote it. */
export class PatternError extends Error {}

type CharSet = (unit: number) => boolean;

export type PatternNode =
  | { readonly kind: 'empty' | 'begin' | 'end' }
  | { readonly kind: 'set'; readonly has: CharSet }
  | { readonly kind: 'sequence' | 'choice'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly node: PatternNode; readonly min: number; readonly max: number };

const PATTERN_UNITS_MAX = 1_000;
const NESTING_MAX = 50;
const REPEAT_MAX = 1_000;
const NEWLINE = 10;

/**
 * Parses what RE2 and every other engine agree on: literals, `.`, classes, `\d \w \s` and their opposites, `\A \z ^ $`, `\Q…\E`,
 * groups, alternatives and repetitions. Left out: flags, Unicode and POSIX classes, word boundaries. Throws PatternError.
 */
export function parsePattern(source: string): PatternNode {
  if (source.length > PATTERN_UNITS_MAX) {
    throw new PatternError(
      `the pattern has ${source.length} characters, at most ${PATTERN_UNITS_MAX} are allowed`,
    );
  }
  const parser = new Parser(source);
  const node = parser.choice(0);
  if (!parser.done) throw new PatternError('unmatched )');
  return node;
}

class Parser {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  get done(): boolean {
    return this.#at === this.#source.length;
  }

  choice(depth: number): PatternNode {
    if (depth > NESTING_MAX) throw new PatternError('groups are nested too deep');
    const nodes = [this.#sequence(depth)];
    while (this.#take('|')) nodes.push(this.#sequence(depth));
    return nodes.length === 1 ? nodes[0]! : { kind: 'choice', nodes };
  }

  #sequence(depth: number): PatternNode {
    const nodes: PatternNode[] = [];
    while (!this.done && this.#peek() !== '|' && this.#peek() !== ')') {
      if (this.#take('\\Q')) nodes.push(...this.#quoted());
      else nodes.push(this.#repeated(this.#atom(depth)));
    }
    return nodes.length === 0 ? { kind: 'empty' } : { kind: 'sequence', nodes };
  }

  #quoted(): PatternNode[] {
    const end = this.#source.indexOf('\\E', this.#at);
    const text = this.#source.slice(this.#at, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#source.length : end + 2;
    const nodes = Array.from({ length: text.length }, (_, i) => set(only(text.charCodeAt(i))));
    const last = nodes.pop();
    if (last !== undefined) nodes.push(this.#repeated(last));
    return nodes;
  }

  #atom(depth: number): PatternNode {
    const char = this.#next();
    switch (char) {
      case '(': {
        if (this.#peek() === '?' && !this.#take('?:')) throw new PatternError('(? is supported as (?: only');
        const inner = this.choice(depth + 1);
        if (!this.#take(')')) throw new PatternError('missing )');
        return inner;
      }
      case '*':
      case '+':
      case '?':
        throw new PatternError(`nothing to repeat before ${char}`);
      case '[':
        return set(this.#charClass());
      case '.':
        return set((unit) => unit !== NEWLINE);
      case '^':
        return { kind: 'begin' };
      case '$':
        return { kind: 'end' };
      case '\\':
        if (this.#take('A')) return { kind: 'begin' };
        if (this.#take('z')) return { kind: 'end' };
        return set(this.#escape());
      default:
        return set(only(char.charCodeAt(0)));
    }
  }

  #repeated(node: PatternNode): PatternNode {
    const range = this.#repetition();
    if (range === undefined) return node;
    // Which way is tried first does not matter to whether the whole matches.
    this.#take('?');
    if (this.#repetition() !== undefined) throw new PatternError('a repetition is repeated');
    return { kind: 'repeat', node, ...range };
  }

  #repetition(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take('?')) return { min: 0, max: 1 };
    const counted = /^\{(\d{1,4})(,(\d{1,4})?)?\}/.exec(this.#source.slice(this.#at, this.#at + 12));
    if (!counted) return undefined;
    this.#at += counted[0].length;
    const min = Number(counted[1]);
    const max = counted[2] === undefined ? min : Number(counted[3] ?? Number.POSITIVE_INFINITY);
    const bounded = max === Number.POSITIVE_INFINITY ? min : max;
    if (max < min || bounded > REPEAT_MAX) throw new PatternError(`illegal repetition ${counted[0]}`);
    return { min, max };
  }

  #charClass(): CharSet {
    const negated = this.#take('^');
    const sets: CharSet[] = [];
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.done) throw new PatternError('missing ]');
      if (/^\[[:.=]/.test(this.#source.slice(this.#at, this.#at + 2))) {
        throw new PatternError('POSIX classes are not supported');
      }
      sets.push(this.#classItem());
    }
    this.#at++;
    return (unit) => sets.some((has) => has(unit)) !== negated;
  }

  #classItem(): CharSet {
    const low = this.#classEnd();
    if (typeof low === 'function') return low;
    const next = this.#source[this.#at + 1];
    if (this.#peek() !== '-' || next === ']' || next === undefined) return only(low);
    this.#at++;
    const high = this.#classEnd();
    if (typeof high === 'function' || high < low) throw new PatternError('illegal range in a class');
    return (unit) => unit >= low && unit <= high;
  }

  #classEnd(): number | CharSet {
    const char = this.#next();
    if (char !== '\\') return char.charCodeAt(0);
    const letter = this.#next();
    return CLASSES[letter] ?? codeOf(letter);
  }

  #escape(): CharSet {
    const letter = this.#next();
    return CLASSES[letter] ?? only(codeOf(letter));
  }

  #peek(): string {
    return this.#source[this.#at] ?? '';
  }

  #next(): string {
    if (this.done) throw new PatternError('the pattern ends too early');
    return this.#source[this.#at++]!;
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }
}

const set = (has: CharSet): PatternNode => ({ kind: 'set', has });
const only =
  (code: number): CharSet =>
  (unit) =>
    unit === code;
const among =
  (regex: RegExp): CharSet =>
  (unit) =>
    regex.test(String.fromCharCode(unit));

const CLASSES: Readonly<Record<string, CharSet>> = {
  d: among(/[0-9]/),
  D: among(/[^0-9]/),
  w: among(/[0-9A-Za-z_]/),
  W: among(/[^0-9A-Za-z_]/),
  s: among(/[\t\n\f\r ]/),
  S: among(/[^\t\n\f\r ]/),
};

const CONTROLS: Readonly<Record<string, number>> = { a: 7, t: 9, n: 10, v: 11, f: 12, r: 13 };

function codeOf(letter: string): number {
  const control = CONTROLS[letter];
  if (control !== undefined) return control;
  if (/[0-9A-Za-z]/.test(letter)) throw new PatternError(`\\${letter} is not supported`);
  return letter.charCodeAt(0);
}
