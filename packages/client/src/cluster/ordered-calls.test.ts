import { expect, test } from 'vitest';
import { OrderedCalls } from './ordered-calls.ts';

const [old, next] = [{}, {}];

test('calls of one key use one line at a time', () => {
  const calls = new OrderedCalls();
  expect(calls.enter('a', old)).toBe(true);
  expect(calls.enter('a', old)).toBe(true);
  expect(calls.enter('a', next)).toBe(false);
  expect(calls.enter('b', next)).toBe(true);
  calls.leave('a', false);
  expect(calls.enter('a', next)).toBe(false);
  calls.leave('a', false);
  expect(calls.enter('a', next)).toBe(true);
});

test('a failed call counts until those who wait for it have been told', async () => {
  const calls = new OrderedCalls();
  calls.enter('a', old);
  calls.leave('a', true);
  await Promise.resolve();
  expect(calls.enter('a', next)).toBe(false);
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls.enter('a', next)).toBe(true);
});
