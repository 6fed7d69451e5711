import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockByFile, lockDir } from './dir-lock.ts';
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

test('a second process on a directory is told of the first in plain words: the name of the lock itself holds a NUL', async () => {
  const dir = tempDir();
  const lock = await lockDir(dir);
  const error = await lockDir(dir).catch((reason: unknown) => reason);
  const message = `data directory ${dir} is in use by process ${process.pid}`;
  expect(error).toMatchObject({ code: 'DATA_DIR_IN_USE', message });
  expect((error as Error).cause).toBeUndefined();
  await lock.release();
});
