import { expect, test } from 'vitest';
import { FramePool } from './frame-pool.ts';

test('gives memory again only after it was given back, and only once', () => {
  const pool = new FramePool(1_000_000);
  const first = pool.take(100_000);
  const second = pool.take(100_000);
  expect(first.length).toBe(100_000);
  expect(second.buffer).not.toBe(first.buffer);
  pool.giveBack(first);
  pool.giveBack(first);
  expect(pool.freeBytes).toBe(131_072);
  const third = pool.take(70_000);
  expect(third.buffer).toBe(first.buffer);
  expect(third.length).toBe(70_000);
  expect(pool.take(70_000).buffer).not.toBe(first.buffer);
});

test('leaves alone what is not its own, and keeps no more than it may', () => {
  const pool = new FramePool(100_000);
  pool.giveBack(Buffer.alloc(65_536));
  const [small, large] = [pool.take(10), pool.take(10_000_000)];
  pool.giveBack(small);
  pool.giveBack(large);
  expect(pool.freeBytes).toBe(0);
  const frames = [pool.take(60_000), pool.take(60_000)];
  for (const frame of frames) pool.giveBack(frame);
  expect(pool.freeBytes).toBe(65_536);
});
