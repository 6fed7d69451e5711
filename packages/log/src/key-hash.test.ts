import { expect, test } from 'vitest';
import { KeyHasher } from './key-hash.ts';

test("the hash is HalfSipHash-2-4: its authors' vectors", () => {
  const hasher = new KeyHasher(0x03020100, 0x07060504);
  const input = Buffer.from([0xff, 0, 1, 2, 3, 4, 5, 6, 7]);
  const hashes = [0, 1, 2].map((length) => {
    hasher.hash(input, 1, 1 + length);
    const bytes = Buffer.alloc(8);
    bytes.writeInt32LE(hasher.low, 0);
    bytes.writeInt32LE(hasher.high, 4);
    return bytes.toString('hex');
  });
  expect(hashes).toEqual(['218d1f59b9b83cc8', 'be552412f8387315', '064f39ef7c50eb57']);
});
