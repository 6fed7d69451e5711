import { expect, test } from 'vitest';
import { isUnderReplicated } from './health.ts';

test('a partition is under-replicated when fewer are in sync than it is to have', () => {
  const judge = (replicas: number[], isr: number[], adding: number[] = []): boolean =>
    isUnderReplicated({ replicas, isr, adding });
  expect(judge([1, 2, 3], [1, 2, 3])).toBe(false);
  expect(judge([1, 2, 3], [1, 3])).toBe(true);
  expect(judge([1, 2, 3], [])).toBe(true);
  expect(judge([4, 2, 3, 1], [1, 2, 3], [4])).toBe(false);
  expect(judge([4, 2, 3, 1], [2, 3], [4])).toBe(true);
  expect(judge([4, 2, 3, 1], [2, 3, 4], [4]), 'the new one is in sync in place of the old one').toBe(false);
});
