import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

test('whoever waits as told passes the rate in the long run, and no more than a second of it at once', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 100 }),
      (perSecond, amounts) => {
        const bucket = new TokenBucket(perSecond, 0);
        let now = 0;
        let passed = 0;
        for (const amount of amounts) {
          const waitMs = bucket.waitMs(now);
          now += waitMs;
          expect(bucket.waitMs(now)).toBe(0);
          // Before the last amount, which may leave a debt.
          expect(passed).toBeLessThanOrEqual(perSecond + (now * perSecond) / 1000);
          bucket.take(amount);
          passed += amount;
        }
        const leastMs = ((passed - amounts.at(-1)! - perSecond) * 1000) / perSecond;
        expect(now).toBeLessThanOrEqual(Math.max(0, leastMs) + amounts.length * 2 + 1000 / perSecond + 1);
      },
    ),
  );
});
