import { type Decimal, decimal, parseDecimal } from '../decimal.ts';
import type { Value } from '../reading.ts';

/** A field whose content is not what its sentence says. */
export class FieldError extends Error {}

/** Name → value, in the order of the sentence. */
export type Fields = Map<string, Value>;

/** What a field holds. `read` sees the sentence's fields from its own on; nothing is set for an empty one. */
export interface FieldKind {
  /** Fields of the sentence that it takes. */
  readonly width: number;
  read(name: string, from: readonly string[], into: Fields): void;
}

function one(parse: (text: string) => Value | undefined): FieldKind {
  return {
    width: 1,
    read(name, [text = ''], into) {
      if (text === '') return;
      const value = parse(text);
      if (value === undefined) throw new FieldError(`${name} is ${JSON.stringify(text)}`);
      into.set(name, value);
    },
  };
}

/** A number with a letter behind it that makes it negative: variation 3.1,W is -3.1. */
function lettered(negative: string, positive: string, parse: typeof parseDecimal): FieldKind {
  return {
    width: 2,
    read(name, [text = '', letter = ''], into) {
      if (text === '') return;
      const value = parse(text);
      if (value === undefined || (letter !== negative && letter !== positive))
        throw new FieldError(`${name} is ${JSON.stringify(`${text},${letter}`)}`);
      into.set(name, letter === negative ? { ...value, digits: -value.digits } : value);
    },
  };
}

/**
 * Degrees of `ddmm.mmmm`. Minutes are sixtieths, so the quotient may never end: it is rounded two places further than the
 * minutes were given, far below what the receiver resolves.
 */
export function degreesOf(text: string): Decimal | undefined {
  const match = /^(\d{1,3})(\d\d(?:\.\d{0,12})?)$/.exec(text);
  const minutes = match && parseDecimal(match[2]!);
  if (!match || !minutes || Number(match[2]) >= 60 || Number(match[1]) > 180) return undefined;
  const places = 2 - minutes.exponent;
  const sixtieths = (BigInt(match[1]!) * 60n * 10n ** BigInt(-minutes.exponent) + minutes.digits) * 100n;
  return decimal((sixtieths * 2n + 60n) / 120n, -places);
}

/** `hhmmss.ss` as `hh:mm:ss.ss`. */
function clockOf(text: string): string | undefined {
  const match = /^([01]\d|2[0-3])([0-5]\d)([0-5]\d|60)(\.\d{1,9})?$/.exec(text);
  return match ? `${match[1]}:${match[2]}:${match[3]}${match[4] ?? ''}` : undefined;
}

/** `ddmmyy` as `yyyy-mm-dd`; years from 80 on are of the last century. */
export function dateOf(text: string): string | undefined {
  const match = /^(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])(\d\d)$/.exec(text);
  return match ? `${Number(match[3]) >= 80 ? '19' : '20'}${match[3]}-${match[2]}-${match[1]}` : undefined;
}

export const number = one(parseDecimal);
export const text = one((value) => value);
export const clock = one(clockOf);
export const date = one(dateOf);
/** A for valid, V for a warning. */
export const valid = one((value) => (value === 'A' ? true : value === 'V' ? false : undefined));
export const latitude = lettered('S', 'N', degreesOf);
export const longitude = lettered('W', 'E', degreesOf);
export const eastWest = lettered('W', 'E', parseDecimal);
export const skip: FieldKind = { width: 1, read() {} };
/** A number whose next field is the letter of its unit, which must be this one. */
export function withUnit(letter: string): FieldKind {
  return {
    width: 2,
    read(name, [value = '', unit = ''], into) {
      if (value === '') return;
      if (unit !== letter) throw new FieldError(`${name} is in ${JSON.stringify(unit)}, not in ${letter}`);
      number.read(name, [value], into);
    },
  };
}
