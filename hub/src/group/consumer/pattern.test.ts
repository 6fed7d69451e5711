import { createContext, Script } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pattern } from './pattern.ts';
import { PatternError } from './pattern-syntax.ts';

const matches = (pattern: string, text: string) => new Pattern(pattern).matches(text);

test.each([
  ['topic-.*', 'topic-', true],
  ['topic-.*', 'my-topic-1', false],
  ['a|b', 'b', true],
  ['^a$', 'a', true],
  ['a$b', 'ab', false],
  ['\\Qa.b*\\E+', 'a.b**', true],
  ['\\Qa.b\\E', 'axb', false],
  ['[]a]', ']', true],
  ['[^a-c_]+', 'xyz', true],
  ['[a-]', '-', true],
  ['[\\d.]+', '1.2', true],
  ['a{2}', 'aa', true],
  ['a{2,}', 'a', false],
  ['a{,2}', 'a{,2}', true],
  ['(ab){1,2}?', 'ababab', false],
  ['\\A\\w+\\z', 'name_1', true],
  ['', '', true],
  ['()*', '', true],
  ['(a*)*', 'aaa', true],
])('%j matches %j: %s', (pattern, text, expected) => {
  expect(matches(pattern, text)).toBe(expected);
});

test.each([
  ...['(', ')', '[', '[b-a]', '*a', 'a**', 'a{3,2}', 'a{1001}', '\\', '\\pL', '\\b', '(?i)a', '[[:alpha:]]'],
  ...['((((a{99}){99}){99}))', '(){1000}(){1000}'],
])('%j is refused with a reason', (pattern) => {
  expect(() => new Pattern(pattern)).toThrow(PatternError);
});

test('a pattern that is too long or too deep is refused', () => {
  expect(() => new Pattern('x'.repeat(1_001))).toThrow(PatternError);
  expect(() => new Pattern('('.repeat(60))).toThrow(PatternError);
});

test('a pattern that makes others backtrack for years is matched at once', () => {
  expect(matches('(a+)+b', 'a'.repeat(249))).toBe(false);
  expect(matches('(a|a)*(a|aa)*c', 'a'.repeat(249))).toBe(false);
});

const { pattern } = fc.letrec<{ pattern: string; atom: string; piece: string }>((tie) => ({
  atom: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('a', 'b', '.', '[ab]', '[^b]', '\\d', '\\w', '-', '^', '$') },
    { weight: 1, arbitrary: tie('pattern').map((inner) => `(${inner})`) },
  ),
  piece: fc
    .tuple(tie('atom'), fc.constantFrom('', '', '*', '+', '?', '{2}', '{0,2}', '*?'))
    .map(([atom, repeat]) => (atom === '^' || atom === '$' ? atom : atom + repeat)),
  pattern: fc
    .array(fc.array(tie('piece'), { maxLength: 3 }), { minLength: 1, maxLength: 2 })
    .map((choices) => choices.map((pieces) => pieces.join('')).join('|')),
}));

/** What JavaScript's engine says; undefined where it would backtrack for ages, which is why patterns have a matcher of their own. */
const engine = createContext({ source: '', text: '' });
const ask = new Script('new RegExp("^(?:" + source + ")$").test(text)');
function matchesByEngine(source: string, text: string): boolean | undefined {
  Object.assign(engine, { source, text });
  try {
    return ask.runInContext(engine, { timeout: 50 }) as boolean;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
    throw error;
  }
}

test("matches what JavaScript's engine matches", () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '1', '-'), maxLength: 8 });
  fc.assert(
    fc.property(pattern, fc.array(text, { minLength: 4, maxLength: 4 }), (source, texts) => {
      let ours: Pattern;
      try {
        ours = new Pattern(source);
      } catch {
        return;
      }
      for (const one of texts) {
        const theirs = matchesByEngine(source, one);
        if (theirs !== undefined) expect([source, one, ours.matches(one)]).toEqual([source, one, theirs]);
      }
    }),
    { numRuns: 2_000 },
  );
});
