import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';

// Beside this file, so that the scripts resolve the packages of the workspace.
const directory = mkdtempSync(join(import.meta.dirname, 'reload-test-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs a process that says on stdout when it begins, is ready, was told to reload; and leaves a file when it has stopped. */
function run(name: string, options: { withTerminal?: boolean; startMs?: number; by?: string } = {}) {
  const path = join(directory, `${name}.ts`);
  const stopped = join(directory, `${name}.stopped`);
  writeFileSync(
    path,
    `import { writeFileSync } from 'node:fs';
     import { runProcess, silentLogger } from '@edgelog/runtime';
     const timer = setInterval(() => {}, 1000);
     process.exit(await runProcess({
       log: silentLogger,
       start: async () => {
         console.log('began as ' + process.pid);
         await new Promise((r) => setTimeout(r, ${options.startMs ?? 0}));
         return { ready: 'x', stop: async () => { clearInterval(timer); writeFileSync(${JSON.stringify(stopped)}, ''); } };
       },
       reload: () => console.log('reloaded'),
     }));`,
  );
  const child = options.withTerminal
    ? spawn('script', ['-qfc', `exec ${options.by ?? ''} ${process.execPath} ${path}`, '/dev/null'], {
        stdio: 'pipe',
      })
    : spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const ended = new Promise<number | null>((resolve) => void child.once('close', resolve));
  const until = async (isSo: () => boolean) => {
    const giveUpAt = performance.now() + 60_000;
    while (!isSo() && performance.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 20));
    expect([isSo(), stdout]).toEqual([true, stdout]);
  };
  return {
    child,
    stopped,
    ended,
    said: (text: string) => until(() => stdout.includes(text)),
    until,
    stdout: () => stdout,
  };
}

test('SIGHUP has the process read its settings again, and it goes on', async () => {
  const { child, ended, said, stopped } = run('reload');
  await said('ready x');
  child.kill('SIGHUP');
  await said('reloaded');
  child.kill('SIGTERM');
  expect([await ended, existsSync(stopped)]).toEqual([0, true]);
});

test('SIGHUP while the process starts neither ends it nor is forgotten', async () => {
  const { child, said } = run('early', { startMs: 300 });
  await said('began');
  child.kill('SIGHUP');
  await said('ready x\nreloaded');
});

test('the end of the terminal it was started at is the end of the process, a clean one', async () => {
  const { child, said, stopped, until } = run('terminal', { withTerminal: true });
  await said('ready x');
  child.kill('SIGKILL');
  await until(() => existsSync(stopped));
});

test('SIGHUP does not end a process that writes to a terminal which is not its own (su -c)', async () => {
  const { said, stdout } = run('su', { withTerminal: true, by: 'setsid --wait' });
  await said('ready x');
  const pid = Number(/began as (\d+)/.exec(stdout())![1]);
  process.kill(pid, 'SIGHUP');
  await said('reloaded');
  process.kill(pid, 'SIGKILL');
});
