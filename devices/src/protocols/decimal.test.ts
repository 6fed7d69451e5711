import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decimal, decimalOf, decimalText, parseDecimal, scaled } from './decimal.ts';

test('what is parsed is written again with the same value', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
      fc.integer({ min: -40, max: 40 }),
      (digits, exponent) => {
        const text = decimalText({ digits, exponent });
        const again = parseDecimal(text)!;
        const shift = Math.min(exponent, again.exponent);
        expect(again.digits * 10n ** BigInt(again.exponent - shift)).toBe(
          digits * 10n ** BigInt(exponent - shift),
        );
        expect(Number(JSON.parse(text))).toBe(Number(text));
      },
    ),
  );
});

test('the shortest decimal of a single reads back as that single, and of a double as that double', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Math.fround(Number(decimalText(decimalOf(value, 'single')!)))).toBeCloseTo(value, 30);
    }),
  );
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Number(decimalText(decimalOf(value)!)) === value).toBe(true);
    }),
  );
});

test.each([
  ['23125', '0.001', '0', '23.125'],
  ['-205', '0.1', '0', '-20.5'],
  ['100', '0.1', '-40', '-30.0'],
  ['3', '100', '0', '300'],
  ['5', '0.01', '0.001', '0.051'],
])('%s × %s + %s is %s, without a binary fraction in between', (value, scale, offset, result) => {
  expect(decimalText(scaled(parseDecimal(value)!, parseDecimal(scale)!, parseDecimal(offset)!))).toBe(result);
});

test.each(['', '-', '.', '1e', '1e9999', '0x1', '1,5', 'NaN', ' 1', '1'.repeat(41)])(
  '%j is no number',
  (text) => {
    expect(parseDecimal(text)).toBeUndefined();
  },
);

test('NaN and infinities are no values', () => {
  for (const value of [Number.NaN, Infinity, -Infinity]) expect(decimalOf(value, 'single')).toBeUndefined();
  expect(decimalText(decimal(-1))).toBe('-1');
});
