import { expect, test } from 'vitest';
import { ErrorCode, errorCodes, errorName } from './errors.ts';

test('names and numbers lead to each other, from -1 to 133 without a hole', () => {
  const codes = Object.values(ErrorCode).sort((a, b) => a - b);
  expect(codes).toEqual(Array.from({ length: 135 }, (_, i) => i - 1));
  for (const [name, { code }] of Object.entries(errorCodes)) expect(errorName(code)).toBe(name);
});

test('a number that is none of the codes reads as an unknown error', () => {
  expect(errorName(9999)).toBe('UNKNOWN_SERVER_ERROR');
});
