import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReadMemory } from './read-memory.ts';
import { type Piece, SendMemory } from './send-memory.ts';

test('what the socket has not done with is never written over, in whatever order it comes back', () => {
  const step = fc.oneof(
    fc.record({ take: fc.integer({ min: 1, max: 70 }) }),
    fc.record({ release: fc.nat({ max: 30 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const memory = new SendMemory(100);
      const taken: { piece: Piece; mark: number }[] = [];
      steps.forEach((one, index) => {
        const mark = index % 256;
        if ('take' in one) {
          const piece = memory.take(one.take);
          expect(piece.bytes).toHaveLength(one.take);
          piece.bytes.fill(mark);
          taken.push({ piece, mark });
        } else if (taken.length > 0) {
          const [{ piece }] = taken.splice(one.release % taken.length, 1) as [(typeof taken)[0]];
          memory.release(piece);
        }
        for (const { piece, mark } of taken) expect(piece.bytes.every((byte) => byte === mark)).toBe(true);
      });
    }),
  );
});

test('messages that leave in their order go through the same memory for ever', () => {
  const memory = new SendMemory(1000);
  const buffers = new Set<ArrayBufferLike>();
  const waiting: Piece[] = [];
  for (let i = 0; i < 500; i++) {
    if (waiting.length === 3) memory.release(waiting.shift()!);
    const piece = memory.take(100 + (i % 130));
    buffers.add(piece.bytes.buffer);
    waiting.push(piece);
  }
  expect(buffers.size).toBe(1);
});

test('pieces of one read lie apart, and the next read has their memory; a larger read is remembered', () => {
  const memory = new ReadMemory();
  for (let round = 0; round < 3; round++) {
    memory.begin();
    const pieces = [300, 200].map((bytes, index) => memory.take(bytes).fill(index + 1));
    expect(pieces.map(({ length }) => length)).toEqual([300, 200]);
    expect(pieces.map((bytes) => new Set(bytes))).toEqual([new Set([1]), new Set([2])]);
    if (round > 0) expect(pieces[0]!.buffer).toBe(pieces[1]!.buffer);
  }
});
