import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OffsetMap } from './offset-map.ts';

test('it holds the latest offset of every key, as a map of keys does', () => {
  const keys = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 200 });
  fc.assert(
    fc.property(keys, (written) => {
      const map = new OffsetMap(written.length, 2 ** 20, 0);
      const model = new Map<string, number>();
      written.forEach((key, offset) => {
        map.put(Buffer.from(key), 0, key.length, offset);
        model.set(Buffer.from(key).toString('hex'), offset);
      });
      expect(map.keys).toBe(model.size);
      for (const [hex, offset] of model) {
        const key = Buffer.from(`ff${hex}ff`, 'hex');
        expect(map.latest(key, 1, key.length - 1)).toBe(offset);
      }
      expect(map.latest(Buffer.from('no such key'), 0, 11)).toBe(-1);
    }),
  );
});

test('it takes no more keys than its memory allows, and at least as many as it must', () => {
  expect(new OffsetMap(1_000_000, 2400, 0).room).toBeLessThan(2400 / 24);
  const map = new OffsetMap(1_000_000, 2400, 1000);
  for (let i = 0; i < 1000; i++) map.put(Buffer.from(`key ${i}`), 4, `key ${i}`.length, i);
  expect(map.latest(Buffer.from('999'), 0, 3)).toBe(999);
});
