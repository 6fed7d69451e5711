import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { alignedMemory, DurableFile } from './durable-file.ts';
import { tempDir } from './test-dirs.ts';

const BYTES = 16_384;

test('also where writes cannot go past the page cache, nothing is written again with what comes behind it', async () => {
  const path = join(tempDir(), 'file');
  writeFileSync(path, Buffer.alloc(BYTES));
  const memory = alignedMemory(BYTES + 1).subarray(1);
  const file = DurableFile.open(path, memory.subarray(0, 4096));
  expect([512, 4096]).toContain(file.sectorBytes);
  memory.fill('x', file.sectorBytes, 2 * file.sectorBytes);
  await file.write(memory, file.sectorBytes, file.sectorBytes);
  file.close();
  const written = readFileSync(path);
  expect(written.indexOf('x')).toBe(file.sectorBytes);
  expect(written.lastIndexOf('x')).toBe(2 * file.sectorBytes - 1);
});
