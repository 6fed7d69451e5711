import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CompactionStep,
  compactedTo,
  hasTombstonesDue,
  isDirtyEnough,
  stepsAfter,
  stepsBelow,
  survives,
  tombstonesGoneBelow,
} from './compaction.ts';

const record = fc.record({
  key: fc.option(fc.constantFrom('a', 'b', 'c', 'd'), { nil: null }),
  isTombstone: fc.boolean(),
});

test('what survives is the latest of each key, and every record without one; tombstones as long as they are kept', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 40 }), fc.nat(40), (log, goneBelow) => {
      const latest = new Map(log.map(({ key }, offset) => [key, offset]));
      const left = log.flatMap(({ key, isTombstone }, offset) => {
        const facts = { offset, hasKey: key !== null, isTombstone };
        return survives(facts, key === null ? -1 : latest.get(key)!, goneBelow) ? [offset] : [];
      });
      const values = (offsets: readonly number[]) =>
        new Map(offsets.map((offset) => [log[offset]!.key, log[offset]!.isTombstone ? null : offset]));
      const all = values(log.map((_, offset) => offset));
      const seen = values(left);
      for (const [key, value] of all) if (key !== null) expect(seen.get(key) ?? null).toBe(value);
      const keyed = left.filter((offset) => log[offset]!.key !== null);
      expect(new Set(keyed.map((offset) => log[offset]!.key)).size).toBe(keyed.length);
      expect(keyed.filter((offset) => log[offset]!.isTombstone && offset < goneBelow)).toEqual([]);
      expect(left.length - keyed.length).toBe(log.filter(({ key }) => key === null).length);
    }),
  );
});

describe('the steps of compaction', () => {
  const POLICY = { deleteRetentionMs: 100 };

  test('say of every tombstone when it was compacted first, never too early, in bounded memory', () => {
    const passes = fc.array(
      fc.record({ grows: fc.nat(5), tombstones: fc.array(fc.nat(4), { maxLength: 3 }), takesMs: fc.nat(60) }),
      { maxLength: 120 },
    );
    fc.assert(
      fc.property(passes, (given) => {
        let steps: CompactionStep[] = [];
        let end = 0;
        let now = 1000;
        let first: { offset: number; at: number }[] = [];
        for (const { grows, tombstones, takesMs } of given) {
          now += takesMs;
          const goneBelow = tombstonesGoneBelow(steps, POLICY, now);
          for (const { offset, at } of first)
            if (offset < goneBelow) expect(now - at).toBeGreaterThanOrEqual(100);
          first = first.filter(({ offset }) => offset >= goneBelow);
          for (const shift of new Set(tombstones))
            if (shift < grows) first.push({ offset: end + shift, at: now });
          end += grows;
          const left = first.map(({ offset }) => offset);
          steps = stepsAfter(steps, { endOffset: end, now, tombstones: left });
          expect(compactedTo(steps)).toBe(end);
          expect(steps.length).toBeLessThanOrEqual(64);
          const latest = Math.max(...first.map(({ at }) => at));
          const due = hasTombstonesDue(steps, tombstonesGoneBelow(steps, POLICY, latest + 100));
          expect(due).toBe(first.length > 0);
        }
      }),
    );
  });
});

test.each([
  [{ cleanBytes: 50, dirtyBytes: 50, dirtySince: 0 }, false],
  [{ cleanBytes: 49, dirtyBytes: 51, dirtySince: 0 }, true],
  [{ cleanBytes: 99, dirtyBytes: 1, dirtySince: 0 }, false],
  [{ cleanBytes: 99, dirtyBytes: 1, dirtySince: -1 }, true],
  [{ cleanBytes: 99, dirtyBytes: 0, dirtySince: -1 }, false],
])('of %j a pass is due: %s', (compactable, isDue) => {
  expect(isDirtyEnough(compactable, { dirtyRatioMin: 0.5, maxLagMs: 1000 }, 1000)).toBe(isDue);
});

test('a truncated log is compacted up to its end, by the steps that were before', () => {
  const steps = [10, 20, 40].map((endOffset, i) => ({ endOffset, cleanedAt: i, hasTombstones: i === 1 }));
  expect(stepsBelow(steps, 40)).toEqual(steps);
  expect(stepsBelow(steps, 20)).toEqual(steps.slice(0, 2));
  expect(stepsBelow(steps, 15)).toEqual([steps[0], { ...steps[1], endOffset: 15 }]);
  expect(stepsBelow(steps, 50)).toEqual(steps);
});
