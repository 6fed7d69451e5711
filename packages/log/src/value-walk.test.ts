import { expect, test } from 'vitest';
import type { ValueKey } from './keys.ts';
import { makeBatch } from './test-batches.ts';
import { isDamagedPart, walkValue } from './value-walk.ts';

const COUNTS = [3, 1, 4];
const BASES = [10, 13, 14];
const KEY: ValueKey = {
  baseOffset: 10,
  endOffset: 18,
  bytesBefore: 0,
  maxTimestamp: 0,
  maxAppendTime: 0,
  leaderEpoch: -1,
};

/** What the walk yields: base offsets of sound batches, and [base, end) of what is damaged. */
function walk(value: Buffer, from = 0): (number | [number, number])[] {
  return Array.from(walkValue(value, KEY, from), (part) =>
    isDamagedPart(part) ? [part.baseOffset, part.endOffset] : part.header.baseOffset,
  );
}

const made = COUNTS.map((count, i) => makeBatch({ baseOffset: BASES[i]!, count }).batch);
const starts = [0, made[0]!.length, made[0]!.length + made[1]!.length];
const joined = () => Buffer.concat(made);

test('whichever bit of a batch is flipped, that batch is damaged and no other', () => {
  expect(walk(joined())).toEqual(BASES);
  const value = joined();
  for (let bit = 0; bit < 8 * value.length; bit++) {
    const at = bit >> 3;
    value[at]! ^= 1 << (bit & 7);
    const hit = starts.findLastIndex((start) => start <= at);
    const expected = BASES.map((base, i) => (i === hit ? [base, BASES[i + 1] ?? 18] : base));
    expect(walk(value), `bit ${bit}`).toEqual(expected);
    const [first, ...rest] = walk(value, 13);
    if (hit > 0 || Array.isArray(first))
      expect([first, ...rest]).toEqual(hit === 0 ? expected : expected.slice(1));
    else expect([first, ...rest]).toEqual([13, 14]);
    value[at]! ^= 1 << (bit & 7);
  }
});

test('a record that carries a batch of its own is not taken for the next one', () => {
  const inner = makeBatch({ baseOffset: 14, count: 4 });
  const value = joined();
  value.fill(0xff, 0, 20);
  inner.batch.copy(value, 70, 0, 40);
  expect(walk(value)).toEqual([[10, 13], 13, 14]);
});

test('a value that is cut short is damaged from there on', () => {
  expect(walk(joined().subarray(0, -1))).toEqual([10, 13, [14, 18]]);
  expect(walk(joined().subarray(0, starts[2]))).toEqual([10, 13, [14, 18]]);
  expect(walk(Buffer.alloc(0))).toEqual([[10, 18]]);
});
