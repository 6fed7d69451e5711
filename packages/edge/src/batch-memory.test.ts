import { expect, test } from 'vitest';
import { BatchMemory } from './batch-memory.ts';

test('memory that is given back is used again, what has grown is not', () => {
  const memory = new BatchMemory(1024);
  const first = memory.take();
  memory.give(first);
  memory.give(Buffer.alloc(2048));
  expect(memory.take().buffer).toBe(first.buffer);
  const other = memory.take();
  expect(other.buffer).not.toBe(first.buffer);
  expect(other.length).toBe(1024);
});

test('what a batch becomes lies in a piece, which is whole again when it is given back', () => {
  const memory = new BatchMemory(1024);
  const sealed = memory.part(300);
  expect(sealed.length).toBe(300);
  memory.give(sealed);
  const again = memory.take();
  expect(again.buffer).toBe(sealed.buffer);
  expect(again.length).toBe(1024);
  for (const sizeBytes of [20, 1025]) {
    const own = memory.part(sizeBytes);
    expect([own.length, own.buffer.byteLength]).toEqual([sizeBytes, sizeBytes]);
  }
});

test("memory that is lent is nobody else's until it is given back", () => {
  const memory = new BatchMemory(1024);
  const lent = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? memory.take() : memory.part(500)));
  expect(new Set(lent.map(({ buffer }) => buffer)).size).toBe(40);
});

test('a flood does not stay in memory', () => {
  const memory = new BatchMemory(1024);
  const taken = Array.from({ length: 100 }, () => memory.take());
  const known = new Set(taken.map(({ buffer }) => buffer));
  for (const one of taken) memory.give(one);
  const again = Array.from({ length: 100 }, () => memory.take());
  expect(again.filter(({ buffer }) => known.has(buffer)).length).toBe(16);
});
