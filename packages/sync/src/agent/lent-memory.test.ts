import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LentMemory } from './lent-memory.ts';

const KIB = 1024;
const mark = (bytes: Buffer, number: number) => {
  bytes[0] = number;
  bytes[bytes.length - 1] = number;
};
const hasMark = (bytes: Buffer, number: number) => bytes[0] === number && bytes.at(-1) === number;

test('what is not given back is never written over, in whatever order it comes back, and however often', () => {
  const step = fc.oneof(
    fc.record({ take: fc.integer({ min: 1, max: 1100 * KIB }), parts: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ give: fc.nat({ max: 60 }), times: fc.integer({ min: 1, max: 2 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const memory = new LentMemory();
      const taken: { bytes: Buffer; number: number }[] = [];
      steps.forEach((one, number) => {
        if ('take' in one) {
          const bytes = memory.take(one.take);
          expect(bytes).toHaveLength(one.take);
          const sizeBytes = Math.ceil(one.take / one.parts);
          for (let at = 0; at < one.take; at += sizeBytes) {
            const part = bytes.subarray(at, at + sizeBytes);
            mark(part, number);
            taken.push({ bytes: part, number });
          }
        } else if (taken.length > 0) {
          const [{ bytes }] = taken.splice(one.give % taken.length, 1) as [(typeof taken)[0]];
          for (let i = 0; i < one.times; i++) memory.giveBack(bytes);
        }
        for (const { bytes, number } of taken) expect(hasMark(bytes, number)).toBe(true);
      });
    }),
    { numRuns: 50 },
  );
});

test('what was given back is used again, whatever size of its kind is asked for; what is not from here is left alone', () => {
  const memory = new LentMemory();
  const first = memory.take(100 * KIB);
  memory.giveBack(first);
  expect(memory.take(128 * KIB).buffer).toBe(first.buffer);
  const own = Buffer.allocUnsafeSlow(128 * KIB);
  memory.giveBack(own);
  expect(memory.take(128 * KIB).buffer).not.toBe(own.buffer);
});

test('no more is kept than is said', () => {
  const memory = new LentMemory(128 * KIB);
  const taken = [1, 2, 3].map(() => memory.take(64 * KIB));
  for (const bytes of taken) memory.giveBack(bytes);
  const again = new Set([1, 2, 3].map(() => memory.take(64 * KIB).buffer));
  expect(taken.map(({ buffer }) => again.has(buffer))).toEqual([true, true, false]);
});

test('a piece into which several batches were read is used again when the last of them is back', () => {
  const memory = new LentMemory();
  const batches = memory.take(64 * KIB);
  memory.giveBack(batches.subarray(0, 20 * KIB));
  memory.giveBack(batches.subarray(0, 20 * KIB));
  memory.giveBack(batches.subarray(40 * KIB));
  expect(memory.take(64 * KIB).buffer).not.toBe(batches.buffer);
  memory.giveBack(batches.subarray(20 * KIB, 40 * KIB));
  expect(memory.take(64 * KIB).buffer).toBe(batches.buffer);
});

test('thousands of small batches under way take what they hold, and no more', () => {
  const memory = new LentMemory();
  expect(memory.take(2 * KIB).buffer.byteLength).toBe(2 * KIB);
});
