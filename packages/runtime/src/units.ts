import { z } from 'zod';

/** As coreutils have them: `K` and `KiB` count by 1,024, `kB` by 1,000. In small letters. */
const SIZES = new Map([['b', 1]]);
for (const [i, letter] of ['k', 'm', 'g', 't'].entries()) {
  SIZES.set(letter, 1024 ** (i + 1));
  SIZES.set(`${letter}ib`, 1024 ** (i + 1));
  SIZES.set(`${letter}b`, 1000 ** (i + 1));
}
const TIMES_MS = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Node's timers take anything longer for one millisecond. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Bytes of `500MB` (1,000²), `4GiB` or `4G` (1,024³); undefined for anything else. */
export function parseSize(text: string): number | undefined {
  return parse(text.toLowerCase(), SIZES);
}

/** Milliseconds of `500ms`, `10s`, `2m`, `1h` or `7d`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  return parse(text, TIMES_MS);
}

function parse(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([a-z]+)$/.exec(text.trim());
  const unit = match === null ? undefined : units.get(match[2]!);
  return unit === undefined ? undefined : Math.round(Number(match![1]) * unit);
}

/** What a number counts: the word for its value in --help, how it is written there, and what explains it. */
export interface Unit {
  readonly word: string;
  readonly format: (value: number) => string;
  readonly note: string;
}

const SIZE: Unit = {
  word: 'SIZE',
  format: (value) =>
    shortest(
      value,
      ['KiB', 'MiB', 'GiB', 'TiB'].map((name) => [name, parseSize(`1${name}`)!]),
    ),
  note: 'SIZE is a number of bytes, or one with a unit: 500MB (1000 × 1000), 4GiB or 4G (1024 × 1024 × 1024).',
};
const TIME: Unit = {
  word: 'TIME',
  format: (value) => shortest(value, [...TIMES_MS]),
  note: 'TIME is a number of milliseconds, or one with a unit: 500ms, 10s, 5m, 2h, 7d.',
};
const UNITS = { size: SIZE, time: TIME };

/** With the largest unit that leaves a whole number. */
function shortest(value: number, units: readonly (readonly [name: string, factor: number])[]): string {
  const found = value === 0 ? undefined : units.findLast(([, factor]) => value % factor === 0);
  return found === undefined ? String(value) : `${value / found[1]}${found[0]}`;
}

/** The unit of a setting's schema; undefined for a plain number and what is none. */
export function unitOf(type: z.ZodType): Unit | undefined {
  const { unit } = type.meta() ?? {};
  return unit === 'size' || unit === 'time' ? UNITS[unit] : undefined;
}

/** Schema of a number of bytes, which may be given as `500MB` or `4GiB`. */
export function sizeSetting(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  return numberOf(
    'size',
    parseSize,
    'expected a number of bytes, or one with a unit such as 500MB or 4GiB',
    min,
    max,
  );
}

/** Schema of a number of milliseconds, which may be given as `500ms`, `10s` or `7d`; by default 24 days at most. */
export function timeSetting(min: number, max: number = TIMER_MS_MAX) {
  const expected = 'expected a number of milliseconds, or one with a unit such as 500ms, 10s or 2h';
  return numberOf('time', parseDuration, expected, min, max);
}

function numberOf(
  unit: keyof typeof UNITS,
  parseText: (text: string) => number | undefined,
  expected: string,
  min: number,
  max: number,
) {
  const number = z
    .number({ error: ({ code }) => (code === 'invalid_type' ? expected : undefined) })
    .int()
    .min(min)
    .max(max)
    .meta({ unit });
  return z.preprocess((given) => (typeof given === 'string' ? (parseText(given) ?? given) : given), number);
}
