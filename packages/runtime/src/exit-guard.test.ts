import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const MODULE = new URL('./exit-guard.ts', import.meta.url).href;

/** A process that guards its exit for so many seconds, runs `body`, and exits with 1. */
async function exitOf(
  seconds: number,
  body: string,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const script = `import { guardExit } from '${MODULE}'; guardExit(${seconds}); ${body}; setTimeout(() => process.exit(1), 200)`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  const [code, signal] = await once(child, 'exit');
  return { code, signal };
}

test('a process whose thread never comes back ends all the same', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'edgelog-exit-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const fifo = join(dir, 'nobody-writes');
  execFileSync('mkfifo', [fifo]);
  const body = `(await import('node:fs')).readFile(${JSON.stringify(fifo)}, () => {})`;
  expect(await exitOf(1, body)).toEqual({ code: null, signal: 'SIGKILL' });
});

test('a process that ends by itself has its own exit status', async () => {
  expect(await exitOf(60, '')).toEqual({ code: 1, signal: null });
});
