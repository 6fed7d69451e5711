import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as lmdb from 'lmdb';
import { expect, onTestFinished, test } from 'vitest';
import { openLogStore } from './index.ts';
import { type Environment, onFailedWrite } from './lmdb-failure.ts';
import { tempDir } from './test-dirs.ts';

const ENOSPC = 28;

function opened(): { db: lmdb.RootDatabase; env: Environment } {
  const dir = mkdtempSync(join(tmpdir(), 'edgelog-lmdb-'));
  const db = lmdb.open({
    path: join(dir, 'one.mdb'),
    noSubdir: true,
    overlappingSync: true,
    separateFlushed: true,
  });
  // Not closed: where something was left unanswered that would be, too.
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return { db, env: (db as unknown as { env: Environment }).env };
}

test('a disk that is full when a commit is flushed: what lmdb-js leaves unanswered is told', async () => {
  const { db, env } = opened();
  const native = env.startWriting.bind(env);
  const failing: Environment = {
    startWriting: (address, done) => native(address, (status) => done(status === 0 ? ENOSPC : status)),
  };
  const failed = new Promise<number>((resolve) => onFailedWrite(failing, resolve));
  Object.defineProperty(env, 'startWriting', { value: failing.startWriting });
  const committed = db.put('key', 'value') as Promise<boolean> & { flushed: PromiseLike<void> };
  await committed;
  let isFlushed = false;
  void committed.flushed.then(() => {
    isFlushed = true;
  });
  expect(await failed).toBe(ENOSPC);
  expect(isFlushed).toBe(false);
});

test('a commit that is flushed tells of no failure', async () => {
  const { db, env } = opened();
  const failures: number[] = [];
  onFailedWrite(env, (status) => failures.push(status));
  const committed = db.put('key', 'value') as Promise<boolean> & { flushed: PromiseLike<void> };
  await committed;
  await committed.flushed;
  expect(failures).toEqual([]);
});

test.skipIf(process.platform !== 'linux')(
  'a commit is not acknowledged when the page that says it is flushed cannot be written',
  async () => {
    const dir = tempDir();
    const child = join(import.meta.dirname, 'test-meta-page-child.ts');
    const output = execFileSync(process.execPath, [child, dir], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    });
    expect(JSON.parse(output.toString())).toEqual({ acknowledged: 1, failure: 'STORE_FAILED' });

    const store = await openLogStore({ dir });
    expect(store.partition('t')!.tailEndOffset).toBeGreaterThanOrEqual(1);
    await store.close();
  },
);
