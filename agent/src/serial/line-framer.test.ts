import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineFramer } from './line-framer.ts';

const LIMIT = 10;

function frame(chunks: readonly Buffer[]): { frames: string[]; overlong: number[] } {
  const frames: string[] = [];
  const overlong: number[] = [];
  const framer = new LineFramer(LIMIT, {
    frame: (bytes) => frames.push(bytes.toString('latin1')),
    overlong: (bytes) => overlong.push(bytes),
  });
  for (const chunk of chunks) framer.push(chunk);
  return { frames, overlong };
}

test('lines come out whole however the bytes are cut', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '\r', '\n'), maxLength: 60 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(60)), (sent, cuts) => {
      const bytes = Buffer.from(sent, 'latin1');
      const bounds = [0, ...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length];
      const chunks = bounds.slice(1).map((to, i) => bytes.subarray(bounds[i], to));
      const lines = sent.split('\n').slice(0, -1);
      const bare = lines.map((line) => line.replace(/\r$/, ''));
      const result = frame(chunks);
      expect(result.frames).toEqual(bare.filter((line) => line.length > 0 && line.length <= LIMIT));
      expect(result.overlong).toEqual(
        lines.filter((_, i) => bare[i]!.length > LIMIT).map((line) => line.length),
      );
    }),
  );
});

test('a frame of the longest size may still end in \\r\\n', () => {
  expect(frame([Buffer.from('0123456789\r\n')]).frames).toEqual(['0123456789']);
});

test('an endless line takes no memory and costs only itself', () => {
  const { frames, overlong } = frame([
    ...Array.from({ length: 100 }, () => Buffer.alloc(100, 'x')),
    Buffer.from('\nok\n'),
  ]);
  expect(frames).toEqual(['ok']);
  expect(overlong).toEqual([10_000]);
});
