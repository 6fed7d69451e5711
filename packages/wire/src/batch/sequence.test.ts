import { expect, test } from 'vitest';
import { isReservedProducerId, sequenceOf } from './sequence.ts';

test('sequences follow offsets and wrap to 0 after 2^31 − 1', () => {
  expect([0, 7, 2 ** 31 - 1, 2 ** 31, 2 ** 40 + 3].map(sequenceOf)).toEqual([0, 7, 2 ** 31 - 1, 0, 3]);
});

test('the reserved producer ids are 2^52 … 2^53 − 1', () => {
  expect([-1, 0, 2 ** 52 - 1, 2 ** 52, 2 ** 53 - 1, 2 ** 53].map(isReservedProducerId)).toEqual([
    false,
    false,
    false,
    true,
    true,
    false,
  ]);
});
