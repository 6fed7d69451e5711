import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { sealOffThread } from './seal-off-thread.ts';

const OPTIONS = { compression: 'zstd', producerId: 1, producerEpoch: 0, baseSequence: 0 } as const;

test('memory grows with the number of streams when the uplink is back: of many that are sealed a few are compressed at once, in their order, whatever fails', async () => {
  let running = 0;
  let most = 0;
  const begun: number[] = [];
  const sealed = Array.from({ length: 100 }, (_, n) =>
    sealOffThread(
      {
        seal: async () => {
          begun.push(n);
          most = Math.max(most, ++running);
          await setImmediate();
          running--;
          if (n % 7 === 0) throw new Error('no memory');
          return Buffer.from([n]);
        },
      },
      OPTIONS,
    ),
  );
  const results = await Promise.allSettled(sealed);
  expect(results.map(({ status }) => status === 'fulfilled')).toEqual(sealed.map((_, n) => n % 7 !== 0));
  expect(begun).toEqual(sealed.map((_, n) => n));
  expect(most).toBe(8);
});
