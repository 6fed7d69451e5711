import { expect, test } from 'vitest';
import { MoveThrottle } from './move-throttle.ts';

test('what a move copies takes as long as the rate says, on the whole', () => {
  let now = 0;
  let rate = 1_000;
  const throttle = new MoveThrottle(
    () => rate,
    () => now,
  );
  let copied = 0;
  for (; now < 10_000; now += 10) {
    if (!throttle.isOpen) continue;
    throttle.spend(300);
    copied += 300;
  }
  expect(copied).toBeGreaterThanOrEqual(10_000);
  expect(copied).toBeLessThanOrEqual(10_300);
  throttle.spend(1_000_000);
  expect(throttle.isOpen).toBe(false);
  rate = Number.POSITIVE_INFINITY;
  expect(throttle.isOpen).toBe(true);
});

test('what was not used is not saved up', () => {
  let now = 0;
  const throttle = new MoveThrottle(
    () => 1_000,
    () => now,
  );
  now = 60_000;
  throttle.spend(1_000);
  expect(throttle.isOpen).toBe(false);
  now += 1_000;
  expect(throttle.isOpen).toBe(true);
});

test('a rate that was too low does not hold up what comes under a higher one', () => {
  let now = 0;
  let rate = 1;
  const throttle = new MoveThrottle(
    () => rate,
    () => now,
  );
  throttle.spend(100);
  rate = 1_000;
  now = 100;
  expect(throttle.isOpen).toBe(true);
  throttle.spend(100);
  rate = Number.POSITIVE_INFINITY;
  expect(throttle.isOpen).toBe(true);
  rate = 1;
  expect(throttle.isOpen).toBe(true);
});
