import { spawn } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { openPseudoTerminal } from './pty.ts';
import { Scale } from './scale.ts';

const directory = mkdtempSync(join(tmpdir(), 'edgelog-serial-'));
afterAll(() => rmSync(directory, { recursive: true }));
const LINE = /^W,[+-]\d{4}\.\d{2},kg,[SD],(\d{6,})$/;

test('lines of a scale have a fixed form and count without gaps', () => {
  const scale = new Scale(createRandom(1));
  for (let i = 0; i < 1_000; i++) {
    const line = scale.line(i * 200);
    expect(line.endsWith('\r\n')).toBe(true);
    expect(Number(LINE.exec(line.trimEnd())?.[1])).toBe(i);
  }
});

test('the simulator writes lines into a pseudo-terminal, and takes it away when it ends', async () => {
  const path = join(directory, 'scale');
  const main = join(import.meta.dirname, 'main.ts');
  const child = spawn(process.execPath, [main, path, '--rate', '200', '--log-level', 'error'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  for await (const line of createInterface(child.stdout)) if (line.startsWith('ready')) break;
  const port = createReadStream(path);
  const lines = createInterface(port);
  // A read that still waits when the terminal goes away fails with EIO; readline passes it on.
  for (const emitter of [port, lines]) emitter.on('error', () => {});
  const numbers: number[] = [];
  for await (const line of lines) {
    numbers.push(Number(LINE.exec(line)?.[1]));
    if (numbers.length === 50) break;
  }
  port.destroy();
  expect(numbers).toEqual(Array.from({ length: 50 }, (_, i) => i));
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
  expect(existsSync(path)).toBe(false);
});

test('a path that cannot be made is named', async () => {
  await expect(openPseudoTerminal('/nowhere/scale')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('no pseudo-terminal at /nowhere/scale: socat ended'),
  });
});
