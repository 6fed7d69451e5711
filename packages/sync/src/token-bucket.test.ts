import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

test('over any time no more is sent than the cap, a half second of burst and one batch; and no less', () => {
  const cap = fc.integer({ min: 1_000, max: 10_000_000 });
  const batches = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 20, maxLength: 200 });
  fc.assert(
    fc.property(cap, batches, (bytesPerSecond, sizes) => {
      const bucket = new TokenBucket(bytesPerSecond, 0);
      let [now, sent] = [0, 0];
      for (const size of sizes) {
        while (bucket.available(now) === 0) now += bucket.waitMs;
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
