import { expect, test } from 'vitest';
import { murmur2 } from './murmur2.ts';

test("keys hash as in Kafka's Java client", () => {
  // From the client's own UtilsTest, with the sign taken off as its partitioner does.
  const expected: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [key, hash] of expected) expect(murmur2(Buffer.from(key)), key).toBe(hash & 0x7fffffff);
});
