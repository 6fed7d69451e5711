import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openLogStore } from './index.ts';
import { tempDir } from './test-dirs.ts';

/** Mounts a small file system; says why where that is not permitted. */
function mountSmallDisk(): { dir: string } | { refused: string } {
  const dir = tempDir();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', dir], { stdio: 'pipe' });
  } catch (error) {
    return { refused: (error as Error).message };
  }
  onTestFinished(() => void execFileSync('umount', [dir]));
  return { dir };
}

test('a full disk fails the store once, for all, and loses nothing acknowledged', async (context) => {
  const disk = mountSmallDisk();
  if ('refused' in disk) {
    if (process.env.CI) throw new Error(`cannot mount a small disk: ${disk.refused}`);
    return context.skip(`mount is not permitted here: ${disk.refused}`);
  }
  const child = join(import.meta.dirname, 'test-full-disk-child.ts');
  const dir = join(disk.dir, 'log');
  const output = execFileSync(process.execPath, [child, dir], { stdio: ['ignore', 'pipe', 'pipe'] });
  const seen = JSON.parse(output.toString());
  expect(seen).toMatchObject({
    fatal: ['STORE_FAILED'],
    failure: 'STORE_FAILED',
    later: ['STORE_FAILED', 'STORE_FAILED', 'STORE_FAILED'],
    pendingBytes: 0,
  });
  expect(seen.acknowledged).toBeGreaterThan(20);

  try {
    writeFileSync(join(disk.dir, 'filler'), Buffer.alloc(2 ** 24));
  } catch {
    // The point: not a byte is free now.
  }
  const store = await openLogStore({ dir });
  const log = store.partition('t')!;
  expect(log.flushedEndOffset).toBeGreaterThanOrEqual(seen.acknowledged);
  expect(log.read(0, { maxBytes: 2 ** 24 }).batches).toHaveLength(log.flushedEndOffset);
  await store.close();

  const fresh = openLogStore({ dir: join(disk.dir, 'second') });
  await expect(fresh).rejects.toThrow(/no room|ENOSPC/);
});

test('a log on a file system that became read-only says which directory and why, and opens again when that is over', async (context) => {
  const disk = mountSmallDisk();
  if ('refused' in disk) {
    if (process.env.CI) throw new Error(`cannot mount a small disk: ${disk.refused}`);
    return context.skip(`mount is not permitted here: ${disk.refused}`);
  }
  const dir = join(disk.dir, 'log');
  const remount = (how: string) => void execFileSync('mount', ['-o', `remount,${how}`, disk.dir]);
  await (await openLogStore({ dir, segmentBytes: 2 ** 20 })).close();
  remount('ro');
  await expect(openLogStore({ dir, segmentBytes: 2 ** 20 })).rejects.toMatchObject({
    code: 'DATA_DIR_INVALID',
    message: expect.stringMatching(new RegExp(`the log in ${dir} cannot be opened: .*read-only`, 'i')),
  });
  remount('rw');
  await (await openLogStore({ dir, segmentBytes: 2 ** 20 })).close();
});
