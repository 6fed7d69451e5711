import { expect, test } from 'vitest';
import { BatchMemory } from './batch-memory.ts';

test('memory that is given back is used again, what has grown is not', () => {
  const memory = new BatchMemory(1024);
  const first = memory.take();
  memory.give(first);
  memory.give(Buffer.alloc(2048));
  expect(memory.take()).toBe(first);
  const other = memory.take();
  expect(other).not.toBe(first);
  expect(other.length).toBe(1024);
});

test('a flood does not stay in memory', () => {
  const memory = new BatchMemory(1024);
  const taken = new Set(Array.from({ length: 100 }, () => memory.take()));
  for (const one of taken) memory.give(one);
  const again = Array.from({ length: 100 }, () => memory.take());
  expect(again.filter((one) => taken.has(one)).length).toBe(8);
});
