import { expect, test } from 'vitest';
import { Availability } from './availability.ts';

test('the longest outage since a fault, whether it is over or lasts', () => {
  let clock = 0;
  const availability = new Availability(() => clock);
  const acknowledge = (atMs: number, ...partitions: string[]): void => {
    clock = atMs;
    for (const partition of partitions) availability.acknowledged(partition);
  };
  acknowledge(0, 'a', 'b');
  acknowledge(100, 'a', 'b');
  acknowledge(1_000, 'a');
  acknowledge(1_100, 'b');
  expect(availability.longestOutageMs(0)).toBe(1_000);
  expect(availability.longestOutageMs(500)).toBe(600);
  expect(availability.longestOutageMs(1_100)).toBe(0);
  expect(availability.allSince(1_000)).toBe(false);
  expect(availability.allSince(999)).toBe(true);
  acknowledge(1_200, 'a');
  acknowledge(2_000, 'a');
  expect(availability.longestOutageMs(1_150)).toBe(850);
  expect(availability.outagesSince(1_150)).toEqual([
    { partition: 'a', fromMs: 1_200, toMs: 2_000 },
    { partition: 'b', fromMs: 1_100, toMs: undefined },
  ]);
});
