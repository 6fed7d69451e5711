import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { noteFailure } from './failure-note.ts';
import { openLogStore } from './store.ts';
import { tempDir } from './test-dirs.ts';

test('a disk that is pulled out and unmounted leaves an empty mount point: no note there has the next start refuse it', async () => {
  const dir = tempDir();
  noteFailure(dir);
  expect(readdirSync(dir)).toEqual([]);
  await (await openLogStore({ dir })).close();
});

test('a failure is noted beside the log', () => {
  const dir = tempDir();
  mkdirSync(join(dir, 'segments'));
  noteFailure(dir);
  expect(readdirSync(dir).sort()).toEqual(['FAILED', 'segments']);
});
