import { execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, test } from 'vitest';
import { runCli } from './run-cli.ts';

const LAUNCHER = join(import.meta.dirname, '../bin/edgelog.js');
/** A node of the machine that is too old to run the sources. */
const oldNode = ['/usr/local/bin/node', '/usr/bin/node'].find((path) => {
  return (
    existsSync(path) &&
    Number.parseInt(execFileSync(path, ['-p', 'process.versions.node']).toString(), 10) < 24
  );
});
const directory = mkdtempSync(join(tmpdir(), 'edgelog-launcher-'));
afterAll(() => rmSync(directory, { recursive: true }));

test('a node that is new enough runs the sources itself', async () => {
  expect(await runCli(['--version'], [process.execPath, LAUNCHER])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`(node ${process.version})`),
  });
});

test.each([
  ['agent', '--mqtt', '--max-semi-space-size=4', 'MALLOC_MMAP_THRESHOLD_=1048576'],
  ['hub', '--kafka', '--max-semi-space-size=4', 'MALLOC_TRIM_THRESHOLD_=8388608'],
])('a node that is new enough becomes the one that edgelog %s wants', async (name, port, flag, variable) => {
  const ports = [port, '--http', ...(name === 'hub' ? ['--sync'] : [])].flatMap((one) => [
    one,
    '127.0.0.1:0',
  ]);
  const args = [LAUNCHER, name, '--data-dir', join(directory, name), ...ports];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const line of createInterface(child.stdout)) if (line.startsWith('ready')) break;
  const [commandLine, environment] = ['cmdline', 'environ'].map((file) =>
    readFileSync(`/proc/${child.pid}/${file}`, 'utf8').split('\0'),
  );
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
  expect(commandLine).toContain(flag);
  expect(environment).toContain(variable);
});

describe.skipIf(oldNode === undefined)("the machine's own node is older", () => {
  const command = [oldNode ?? '', LAUNCHER];

  test('the packaged one runs', async () => {
    const { code, stdout } = await runCli(['--version'], command);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/\(node v2[4-9]\./)]);
  });
  test('exit status and output come through', async () => {
    expect(await runCli(['tpics'], command)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('did you mean'),
    });
  });
  test('SIGTERM goes on to the program, which ends cleanly', async () => {
    const args = ['devices', 'fleet', '--mqtt', '127.0.0.1:1', '--devices', '1'];
    const child = spawn(command[0]!, [LAUNCHER, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
    for await (const line of createInterface(child.stdout)) if (line.startsWith('ready')) break;
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
  });
  test('the program ends when the launcher is killed', async () => {
    const args = ['devices', 'fleet', '--mqtt', '127.0.0.1:1', '--devices', '1'];
    const child = spawn(command[0]!, [LAUNCHER, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    for await (const line of createInterface(child.stdout)) if (line.startsWith('ready')) break;
    const program = Number(execFileSync('cat', [`/proc/${child.pid}/task/${child.pid}/children`]).toString());
    child.kill('SIGKILL');
    await expect.poll(() => existsSync(`/proc/${program}`)).toBe(false);
  });
  test('without any node that can run it, the message says what to do', async () => {
    mkdirSync(join(directory, 'bin'));
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    copyFileSync(LAUNCHER, join(directory, 'bin/edgelog.js'));
    copyFileSync(join(LAUNCHER, '../../node-options.json'), join(directory, 'node-options.json'));
    const { code, stderr } = await runCli(['--version'], [oldNode ?? '', join(directory, 'bin/edgelog.js')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/needs Node 24 or newer; this is v\d+.*is not installed/);
    expect(stderr).toContain('npm ci');
  });
});
