import { expect, test } from 'vitest';
import { effortFor } from './effort.ts';

test('100 and 1,000 readings a second are compressed with more effort, a flood and what comes in one turn are not', () => {
  const READING_BYTES = 234;
  expect(effortFor(100 * READING_BYTES, 1_000)).toBe('high');
  expect(effortFor(560 * READING_BYTES, 560)).toBe('high');
  expect(effortFor(560 * READING_BYTES, 20)).toBe('usual');
  expect(effortFor(READING_BYTES, 0)).toBe('usual');
});
