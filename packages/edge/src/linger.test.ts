import { expect, test } from 'vitest';
import { lingerFor } from './linger.ts';

test('a reading that comes alone is on its way soon; where more come, and where the uplink cannot follow, batches grow', () => {
  expect(lingerFor(100, 60_000, false)).toBe(100);
  expect(lingerFor(100, 500, false)).toBe(1_000);
  expect(lingerFor(100, 60_000, true)).toBe(2_000);
});

test('a steady stream stays with the long wait: its batches begin that much apart', () => {
  expect(lingerFor(100, 1_050, false)).toBe(1_000);
});

test('no linger at all is none whatever happens', () => {
  expect([lingerFor(0, 0, false), lingerFor(0, 0, true)]).toEqual([0, 0]);
});
