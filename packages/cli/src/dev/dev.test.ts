import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listen } from '@edgelog/runtime';
import { afterAll, afterEach, expect, test } from 'vitest';
import { runCli } from '../run-cli.ts';

const MAIN = join(import.meta.dirname, '../main.ts');
const ANY = ['--kafka', '--sync', '--hub-http', '--mqtt', '--agent-http', '--etcd'].flatMap((flag) => [
  flag,
  '127.0.0.1:0',
]);
const directory = mkdtempSync(join(tmpdir(), 'edgelog-dev-'));
afterAll(() => rmSync(directory, { recursive: true }));

let dev: ChildProcess | undefined;
let output = '';
afterEach(async () => {
  if (dev && dev.exitCode === null && dev.signalCode === null) {
    dev.kill('SIGKILL');
    await new Promise((resolve) => dev!.on('exit', resolve));
  }
});

function start(name: string, ...flags: string[]): Promise<void> {
  output = '';
  dev = spawn(process.execPath, [MAIN, 'dev', '--data-dir', join(directory, name), ...ANY, ...flags], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  for (const stream of [dev.stdout!, dev.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return says(/^ready dev/m);
}
const says = (pattern: RegExp) =>
  expect.poll(() => output, { timeout: 120_000, interval: 50 }).toMatch(pattern);
const type = (line: string) => dev!.stdin!.write(`${line}\n`);
/** Process ids of all descendants. */
function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
    .split(' ')
    .filter(Boolean)
    .map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

test('commands on stdin cut and restore the uplink, kill and restart; quit ends the whole tree with 0', async () => {
  await start('commands');
  expect(output).toMatch(/^read all +kcat -b 127.0.0.1:\d+ -C -t telemetry -o beginning -f '%k %s\\n'$/m);
  const pids = descendants(dev!.pid!);
  expect(pids.length).toBeGreaterThanOrEqual(4);
  await says(/uplink live/);
  type('cut');
  await says(/uplink cut/);
  await says(/\| uplink CUT \|/);
  type('kill agent');
  await says(/agent killed with SIGKILL \(pid \d+\), ready again after(.*\n)+.*\| uplink CUT \|/);
  type('restore');
  await says(/uplink restored/);
  type('kill hub');
  await says(/hub killed with SIGKILL \(pid \d+\), ready again after/);
  type('kil hub');
  await says(/did you mean kill hub\?/);
  pids.push(...descendants(dev!.pid!));
  const exited = new Promise((resolve) => dev!.on('exit', resolve));
  type('quit');
  expect(await exited).toBe(0);
  for (const pid of pids) expect(existsSync(`/proc/${pid}`)).toBe(false);
});

test('of three brokers one that is killed leads nothing any more, and the readings go on', async () => {
  await start('cluster', '--brokers', '3');
  expect(output).toMatch(/^read all +kcat -b 127.0.0.1:\d+,127.0.0.1:\d+,127.0.0.1:\d+ -C/m);
  const pids = descendants(dev!.pid!);
  await says(/hub-1 up, leads 2 of 6.*uplink live/);
  type('kill hub-2');
  await says(/hub-2 gone, leads 0 of \d+ \| .*uplink live/);
  await says(/hub in [\d.]+\/s.*(\n.*)*hub-2 gone.*hub in [1-9][\d.]*\/s/);
  pids.push(...descendants(dev!.pid!));
  const exited = new Promise((resolve) => dev!.on('exit', resolve));
  type('quit');
  expect(await exited).toBe(0);
  for (const pid of pids) expect(existsSync(`/proc/${pid}`)).toBe(false);
});

test('a process that dies by itself is reported and can be started again', async () => {
  await start('death');
  const hub = descendants(dev!.pid!).find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('\0hub\0'),
  );
  process.kill(hub!, 'SIGKILL');
  await says(/hub is down \(SIGKILL\); its log: .*hub\.log/);
  type('start');
  await says(/hub was down, ready again/);
});

/** A process that has ended but that nobody has waited for yet (a zombie) does not count. */
function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
  } catch {
    return false;
  }
}

test('kill -9 of the demo leaves no process behind', async () => {
  await start('orphans');
  const pids = descendants(dev!.pid!);
  dev!.kill('SIGKILL');
  await expect.poll(() => pids.filter(isRunning)).toEqual([]);
});

test('ports that are taken are all named, with the flag that changes each, before anything starts', async () => {
  const servers = [createServer(), createServer()];
  const [kafka, mqtt] = await Promise.all(
    servers.map((server) => listen(server, { host: '127.0.0.1', port: 0 }, 'test')),
  );
  const { code, stderr } = await runCli([
    ...['dev', '--data-dir', join(directory, 'ports'), ...ANY],
    ...['--kafka', `127.0.0.1:${kafka}`, '--mqtt', `127.0.0.1:${mqtt}`],
  ]);
  for (const server of servers) server.close();
  expect(code).toBe(1);
  expect(stderr).toContain(`--kafka 127.0.0.1:${kafka} is already in use`);
  expect(stderr).toContain(`--mqtt 127.0.0.1:${mqtt} is already in use`);
  expect(existsSync(join(directory, 'ports'))).toBe(false);
});
