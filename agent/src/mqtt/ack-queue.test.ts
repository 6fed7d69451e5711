import { deferred } from '@edgelog/edge';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AckQueue } from './ack-queue.ts';

test('acknowledgements leave in the order of their packets, whatever order commits end in', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(4), { maxLength: 30 }),
      fc.array(fc.nat(), { maxLength: 5 }),
      async (turns, order) => {
        const queue = new AckQueue();
        const commits = Array.from({ length: 5 }, deferred);
        const acked: number[] = [];
        for (const [i, turn] of turns.entries()) queue.push(commits[turn]!.promise, () => acked.push(i));
        for (const one of order) {
          commits[one % 5]!.resolve();
          await null;
        }
        for (const commit of commits) commit.resolve();
        await new Promise((resolve) => setImmediate(resolve));
        expect(acked).toEqual(turns.map((_, i) => i));
        expect(queue.isIdle).toBe(true);
      },
    ),
  );
});

test('a failed commit refuses its own packets and no others', async () => {
  const queue = new AckQueue();
  const [good, bad] = [deferred(), deferred()];
  const outcomes: (string | null)[] = [];
  queue.push(good.promise, (error) => outcomes.push(error?.message ?? null));
  queue.push(bad.promise, (error) => outcomes.push(error?.message ?? null));
  bad.reject(new Error('disk'));
  good.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  expect(outcomes).toEqual([null, 'disk']);
});
