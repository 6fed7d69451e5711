import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReplayWindow } from './replay-window.ts';

test('keeps at least the window of acknowledged bytes and at most one mark more', () => {
  const steps = fc.array(fc.record({ records: fc.integer({ min: 1, max: 50 }), bytes: fc.nat(200) }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 3000 }), (acks, keepBytes) => {
      const window = new ReplayWindow(keepBytes);
      const ends = new Map([[0, 0]]);
      let [next, bytes, freed] = [0, 0, 0];
      for (const ack of acks) {
        next += ack.records;
        bytes += ack.bytes;
        ends.set(next, bytes);
        const to = window.advance(next, ack.bytes);
        if (to !== undefined) {
          expect(to).toBeGreaterThan(freed);
          expect(to).toBeLessThanOrEqual(next);
          freed = to;
        }
        const kept = bytes - ends.get(freed)!;
        expect(kept).toBeLessThanOrEqual(keepBytes);
        expect(kept).toBeGreaterThan(Math.min(bytes, keepBytes) - 201 - keepBytes / 32);
      }
      expect(window.release() ?? freed).toBeGreaterThanOrEqual(freed);
    }),
  );
});
