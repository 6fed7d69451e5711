import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isOfLock, lockByFile, lockDir } from './dir-lock.ts';
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

const mayUnshare = spawnSync('unshare', ['--net', '--pid', '--fork', 'true']).status === 0;

test.skipIf(!mayUnshare && process.env.CI !== 'true')(
  `a process of another container on the same volume is refused: both had the directory, each in its own network${mayUnshare ? '' : ' (this user may not unshare(1) a network)'}`,
  async () => {
    const dir = tempDir();
    const script = `
      import { lockDir } from ${JSON.stringify(join(import.meta.dirname, 'dir-lock.ts'))};
      await lockDir(${JSON.stringify(dir)}).then(() => console.log('taken'), (error) => console.log(error.code, error.message));
      process.exit();`;
    const elsewhere = () =>
      spawnSync(
        'unshare',
        ['--net', '--pid', '--fork', process.execPath, '--input-type=module', '-e', script],
        { encoding: 'utf8' },
      );
    const lock = await lockDir(dir);
    expect(elsewhere().stdout).toBe(
      `DATA_DIR_IN_USE data directory ${dir} is in use by a process of another container that has it, too\n`,
    );
    await lock.release();
    const { stdout, stderr } = elsewhere();
    expect({ stdout, stderr }).toEqual({ stdout: 'taken\n', stderr: '' });
    await (await lockDir(dir)).release();
  },
);

test('a lock leaves files of its own only, and an empty one to be locked', async () => {
  const dir = tempDir();
  const lock = await lockDir(dir);
  // What a kill would leave: a directory with any other file, and no log yet, is refused for good.
  expect(readdirSync(dir).filter((name) => !isOfLock(name))).toEqual([]);
  await lock.release();
  expect(readdirSync(dir).filter((name) => !isOfLock(name))).toEqual([]);
  if (process.platform === 'linux') expect(statSync(join(dir, 'LOCK.db')).size).toBe(0);
});
