import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

// Beside this file, so that the scripts resolve the packages of the workspace.
const directory = mkdtempSync(join(import.meta.dirname, 'lifecycle-test-'));
afterAll(() => rmSync(directory, { recursive: true }));

function run(start: string, options: { ipc?: boolean; stop?: string; done?: string } = {}) {
  const path = join(directory, `${Math.random()}.ts`);
  writeFileSync(
    path,
    `import { EdgelogError } from '@edgelog/base';
     import { runProcess, silentLogger } from '@edgelog/runtime';
     const timer = setInterval(() => {}, 1000);
     const isToldElsewhere = (error) => error === 'told';
     process.exit(await runProcess({ log: silentLogger, isToldElsewhere, start: async () => { ${start}; return {
       ready: 'hub kafka=x', done: ${options.done ?? 'new Promise(() => {})'}, stop: async () => { ${options.stop ?? 'clearInterval(timer)'} } } } }));
     void EdgelogError;`,
  );
  const child = spawn(process.execPath, [path], {
    stdio: ['ignore', 'pipe', 'pipe', ...(options.ipc ? ['ipc' as const] : [])],
  });
  let stdout = '';
  let stderr = '';
  const ready = new Promise<void>((resolve) => {
    child.stdout!.on('data', (data) => {
      stdout += data;
      if (/^ready hub kafka=x$/m.test(stdout)) resolve();
    });
  });
  child.stderr!.on('data', (data) => {
    stderr += data;
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    // 'close' does not come once this side has disconnected the channel.
    child.on(options.ipc ? 'exit' : 'close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ready, ended };
}

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends cleanly with 0', async (signal) => {
  const { child, ready, ended } = run('');
  await ready;
  child.kill(signal);
  expect(await ended).toEqual({ code: 0, stdout: 'ready hub kafka=x\n', stderr: '' });
});
test('a rejection that nobody hears ends with 1, unless it is told elsewhere', async () => {
  const { ended } = run(
    "setTimeout(() => void Promise.reject('told')); setTimeout(() => void Promise.reject('new'), 100)",
  );
  expect(await ended).toMatchObject({ code: 1, stderr: 'edgelog: internal error: new\n' });
});
test('one Ctrl-C that arrives twice ends cleanly', async () => {
  const { child, ready, ended } = run('', {
    stop: 'await new Promise((r) => setTimeout(r, 200)); clearInterval(timer)',
  });
  await ready;
  child.kill('SIGINT');
  child.kill('SIGINT');
  expect((await ended).code).toBe(0);
});
test('a second signal ends at once with 1', async () => {
  const { child, ready, ended } = run('', {
    stop: `setTimeout(() => process.kill(process.pid, 'SIGTERM'), 600); await new Promise(() => {})`,
  });
  await ready;
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 1, stderr: expect.stringContaining('second SIGTERM') });
});
test('a process that is done by itself is stopped and ends with the status of its work', async () => {
  expect(await run('', { done: 'Promise.resolve(3)' }).ended).toMatchObject({ code: 3, stderr: '' });
});
test('an operating fault at start is one line and exit status 1', async () => {
  const { ended } = run(
    `throw new EdgelogError('DATA_DIR_IN_USE', '--data-dir /x is in use', { cause: new Error('locked') })`,
  );
  expect(await ended).toEqual({
    code: 1,
    stdout: '',
    stderr: 'edgelog: DATA_DIR_IN_USE: --data-dir /x is in use: locked\n',
  });
});
test('an error nobody caught ends the process with 1 and says what it was', async () => {
  const thrown = await run(`setTimeout(() => { throw new TypeError('a bug') }, 1)`).ended;
  expect(thrown).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^edgelog: internal error: a bug\nTypeError: a bug\n/),
  });
  const rejected = await run(`void Promise.reject(new EdgelogError('STORE_FAILED', 'flush failed'))`).ended;
  expect(rejected).toMatchObject({ code: 1, stderr: 'edgelog: STORE_FAILED: flush failed\n' });
});
test('the end of the parent that holds the IPC channel is the end of the process', async () => {
  const { child, ready, ended } = run('', { ipc: true });
  await ready;
  child.disconnect();
  expect((await ended).code).toBe(0);
});
test('a parent that ends while the process starts is noticed', async () => {
  const { child, ended } = run('await new Promise((r) => setTimeout(r, 300))', { ipc: true });
  child.disconnect();
  expect((await ended).code).toBe(0);
});
