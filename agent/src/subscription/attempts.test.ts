import { expect, test } from 'vitest';
import { Attempts, STEADY_MS } from './attempts.ts';

test('a connection that is lost after a long time is tried again at once, one that never stands ever more seldom', () => {
  const attempts = new Attempts();
  const lost = (atMs: number, stoodMs: number) => {
    attempts.stands(atMs);
    attempts.ended(atMs + stoodMs);
    return attempts.delayMs(1);
  };
  expect([0, 1, 2, 3].map(() => attempts.delayMs(1))).toEqual([500, 1000, 2000, 4000]);
  expect(lost(0, STEADY_MS)).toBe(500);
  expect([1, 2, 3, 4].map((n) => [lost(n * 1e6, 1000), attempts.isQuarrel])).toEqual([
    [500, false],
    [1000, false],
    [2000, true],
    [4000, true],
  ]);
  expect(attempts.shortOnes).toBe(4);
  expect(lost(9e6, STEADY_MS)).toBe(500);
  expect(attempts.isQuarrel).toBe(false);
});
