import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommitQueue } from './commit-queue.ts';

test('who waits is answered once, when the high watermark has passed, and not before', () => {
  const step = fc.oneof(fc.record({ wait: fc.nat(3_000) }), fc.record({ moveTo: fc.nat(3_000) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new CommitQueue();
      const open = new Map<object, number>();
      let highWatermark = 0;
      for (const one of steps) {
        if ('wait' in one) {
          const endOffset = highWatermark + 1 + one.wait;
          const id = {};
          open.set(id, endOffset);
          queue.add(endOffset, () => {
            expect(open.delete(id)).toBe(true);
            expect(endOffset).toBeLessThanOrEqual(highWatermark);
          });
        } else {
          highWatermark = Math.max(highWatermark, one.moveTo);
          queue.answerBelow(highWatermark, 'NONE');
          for (const endOffset of open.values()) expect(endOffset).toBeGreaterThan(highWatermark);
        }
        expect(queue.size).toBe(open.size);
      }
      highWatermark = Number.POSITIVE_INFINITY;
      queue.answerAll('NOT_LEADER_OR_FOLLOWER');
      expect(open.size).toBe(0);
    }),
  );
});
