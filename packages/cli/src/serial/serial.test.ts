import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serialSettingSchema } from '@edgelog/agent/serial/setting.ts';
import { openPseudoTerminal } from '@edgelog/devices';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { runCli } from '../run-cli.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/** A port on which `text` comes ten times a second. */
async function talkingPort(text: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'edgelog-probe-'));
  const terminal = await openPseudoTerminal(join(dir, 'port'));
  const timer = setInterval(() => terminal.input.write(text), 100);
  onTestFinished(async () => {
    clearInterval(timer);
    await terminal.close();
    rmSync(dir, { recursive: true });
  });
  return terminal.path;
}

test('probe tells what is heard and prints the YAML to paste, which the agent takes', async () => {
  const port = await talkingPort('$GPVTG,054.7,T,034.4,M,005.5,N,010.2,K*48\r\n'.repeat(50));
  const { code, stdout, stderr } = await runCli(['serial', 'probe', port, '--seconds', '60']);
  expect(stderr).toContain('listening on');
  expect(stdout).toContain('NMEA 0183');
  const { serial } = parse(stdout) as { serial: unknown[] };
  // A pseudo-terminal has no speed: the first one that is tried is right.
  expect(serialSettingSchema.parse(serial[0])).toMatchObject({ port, baudRate: 9600, profile: 'nmea-gps' });
  expect(code).toBe(0);
});

test('probe --json has all guesses; a port on which nothing comes is status 1 with what may be the reason', async () => {
  const talking = await talkingPort('T=21.5\r\n'.repeat(200));
  const one = await runCli(['serial', 'probe', talking, '--seconds', '60', '--json']);
  expect(JSON.parse(one.stdout)).toMatchObject({
    setting: { port: talking, baudRate: 9600 },
    guesses: [{}],
  });
  expect(one.code).toBe(0);
  const silent = await talkingPort('');
  const { code, stdout, stderr } = await runCli(['serial', 'probe', silent, '--seconds', '0.1']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('silent until it is asked');
});

test('Ctrl-C ends a probe with what was heard so far', async () => {
  const port = await talkingPort('T=21.5\r\n');
  const child = spawn(process.execPath, [MAIN, 'serial', 'probe', port, '--seconds', '600']);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
    if (String(text).includes('9600 8N1 …')) setTimeout(() => child.kill('SIGINT'), 5000);
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(stdout).toContain(`port: ${port}`);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(code).toBe(0);
});

test.each([
  [['probe', '/nowhere/port'], /nowhere\/port cannot be opened.*No such file/],
  [['probe', 'usb:ffff:ffff'], /no serial port that is usb:ffff:ffff/],
  [['probe', 'a b'], /is no port/],
  [['list', '/dev/ttyS0'], /not expected here/],
  [['lst'], /list/],
])('edgelog serial %j says what is wrong', async (args, expected) => {
  const { code, stderr } = await runCli(['serial', ...args]);
  expect(stderr).toMatch(expected);
  expect(code).toBe(1);
});

test('list prints ports or says that there are none, and JSON on demand', async () => {
  const [text, json] = [await runCli(['serial', 'list']), await runCli(['serial', 'list', '--json'])];
  expect([text.code, json.code]).toEqual([0, 0]);
  expect(JSON.parse(json.stdout)).toBeInstanceOf(Array);
  expect(text.stdout + text.stderr).toMatch(/^PORT|no serial port on this machine/);
});
