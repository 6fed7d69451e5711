import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Lines } from './lines.ts';

test('lines come whole however the stream is cut', () => {
  const text = fc.stringMatching(/^[^\n]*\S[^\n]*$/);
  fc.assert(
    fc.property(fc.array(text), fc.array(fc.integer({ min: 1, max: 7 })), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      const cutter = new Lines();
      const out: string[] = [];
      for (let at = 0, cut = 0; at < bytes.length; cut++) {
        const size = cuts[cut] ?? bytes.length;
        out.push(...cutter.push(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(out).toEqual(lines);
    }),
  );
});
