import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readInt64, writeInt64 } from './int64.ts';

test('safe integers survive as Node writes them', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.constantFrom(-(2 ** 32), 2 ** 32, 2 ** 53 - 1)),
      (value) => {
        const buf = Buffer.alloc(8);
        writeInt64(buf, value, 0);
        expect(buf.readBigInt64BE()).toBe(BigInt(value));
        expect(readInt64(buf, 0)).toBe(value);
      },
    ),
  );
});

test('what is no safe integer reads as NaN', () => {
  const unsafe = fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    .filter((value) => value > 2n ** 53n - 1n || value < -(2n ** 53n) + 1n);
  fc.assert(
    fc.property(unsafe, (value) => {
      const buf = Buffer.alloc(8);
      buf.writeBigInt64BE(value);
      expect(readInt64(buf, 0)).toBeNaN();
    }),
  );
});
