import { expect, test } from 'vitest';
import { UnreadBytes } from './unread-bytes.ts';

test('bytes that never become a reading are too many after a minute, and none once one was read', () => {
  const unread = new UnreadBytes();
  for (let second = 0; second < 60; second++) {
    expect(unread.isTooMany(second * 1000)).toBe(false);
    unread.came(10, second * 1000);
  }
  expect(unread.isTooMany(60_000)).toBe(true);
  unread.reset();
  expect(unread.isTooMany(60_000)).toBe(false);
});

test('a little noise on a line that speaks once an hour is no alarm, nor a long reading', () => {
  const noise = new UnreadBytes();
  noise.came(20, 0);
  expect(noise.isTooMany(3_000_000)).toBe(false);
  const long = new UnreadBytes();
  long.came(100_000, 0);
  expect(long.isTooMany(30_000)).toBe(false);
});
