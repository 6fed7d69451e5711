import { randomBytes } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { ZstdCompressors } from './zstd-compressor.ts';

const LEVEL = 3;

test('a frame lies in memory of its own: what it was written to is used for the next', async () => {
  const compressors = new ZstdCompressors(LEVEL);
  const frames: Buffer[] = [];
  const batches = [100, 128 * 1024, 7, 20_000, 128 * 1024].map((sizeBytes) => randomBytes(sizeBytes));
  for (const batch of batches) frames.push(await compressors.compress(batch));
  for (const [i, frame] of frames.entries()) {
    expect(frame.buffer.byteLength).toBe(frame.length);
    expect(zstdDecompressSync(frame).equals(batches[i]!)).toBe(true);
  }
});

test('frames larger than what one is written to come whole, and those after them', async () => {
  const compressors = new ZstdCompressors(LEVEL);
  for (const sizeBytes of [500_000, 10, 140_000, 136 * 1024, 900_000, 1000]) {
    const batch = randomBytes(sizeBytes);
    const frame = await compressors.compress(batch);
    expect(zstdDecompressSync(frame).equals(batch)).toBe(true);
    expect(frame.length).toBe(zstdCompressSync(batch, { pledgedSrcSize: sizeBytes }).length);
  }
});
