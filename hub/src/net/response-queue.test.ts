import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ResponseQueue } from './response-queue.ts';

test('responses leave in request order, whatever order they are ready in', () => {
  const permutation = fc.integer({ min: 1, max: 20 }).chain((count) =>
    fc.shuffledSubarray(
      Array.from({ length: count }, (_, i) => i),
      { minLength: count, maxLength: count },
    ),
  );
  fc.assert(
    fc.property(permutation, (order) => {
      const sent: number[] = [];
      const queue = new ResponseQueue((bytes) => sent.push(bytes![0]![0]!));
      const answers = order.map(() => queue.reserve());
      for (const [done, i] of order.entries()) {
        expect(queue.inFlight).toBeGreaterThanOrEqual(order.length - done);
        answers[i]!([Buffer.of(i)]);
      }
      expect(sent).toEqual(order.map((_, i) => i));
      expect(queue.inFlight).toBe(0);
    }),
  );
});
