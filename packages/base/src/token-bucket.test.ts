import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

test('over any time no more is sent than the cap, a half second of burst and one batch; and no less', () => {
  const cap = fc.integer({ min: 1_000, max: 10_000_000 });
  const batches = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 20, maxLength: 200 });
  fc.assert(
    fc.property(cap, batches, (bytesPerSecond, sizes) => {
      const bucket = new TokenBucket(bytesPerSecond, 0, { burstSeconds: 0.5, leastWaitMs: 10 });
      let [now, sent] = [0, 0];
      for (const size of sizes) {
        while (bucket.available(now) === 0) now += bucket.waitMs(now);
        const most = Math.max(...sizes);
        expect(sent).toBeLessThanOrEqual(bytesPerSecond * (now / 1000 + 0.5) + most);
        bucket.take(size);
        sent += size;
      }
      const idle = sizes.length * (bytesPerSecond * 0.015 + 1);
      expect(sent + idle + Math.max(...sizes)).toBeGreaterThanOrEqual(bytesPerSecond * (now / 1000));
    }),
  );
});

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
