import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockByFile, lockDir } from './dir-lock.ts';
import { openLogStore } from './store.ts';
import { tempDir } from './test-dirs.ts';

test('where there are no abstract sockets, a lock file counts as long as its process lives', async () => {
  const dir = tempDir();
  const lock = await lockByFile(dir);
  await expect(lockByFile(dir)).rejects.toMatchObject({
    code: 'DATA_DIR_IN_USE',
    message: expect.stringContaining(`process ${process.pid}`),
  });
  await lock.release();
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(join(dir, 'LOCK'), `${pid}\n`);
  await (await lockByFile(dir)).release();
});

test.runIf(existsSync('/proc/self'))(
  'a data directory where none can be made is refused: it was tried for ever, until the memory was used up',
  async () => {
    await expect(openLogStore({ dir: '/proc/edgelog/data', segmentBytes: 2 ** 20 })).rejects.toMatchObject({
      code: 'DATA_DIR_INVALID',
      message: expect.stringContaining('/proc/edgelog/data cannot be a data directory: ENOENT'),
    });
  },
);

test('a second process on a directory is told of the first in plain words: the name of the lock itself holds a NUL', async () => {
  const dir = tempDir();
  const lock = await lockDir(dir);
  const error = await lockDir(dir).catch((reason: unknown) => reason);
  const message = `data directory ${dir} is in use by process ${process.pid}`;
  expect(error).toMatchObject({ code: 'DATA_DIR_IN_USE', message });
  expect((error as Error).cause).toBeUndefined();
  await lock.release();
});
