import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { profilesCommand } from './command.ts';
import { PROFILES_DIRECTORY, profileNames } from './load.ts';

const directory = mkdtempSync(join(tmpdir(), 'edgelog-profiles-'));
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => void vi.restoreAllMocks());

async function run(...argv: string[]): Promise<{ status: number; output: string }> {
  let output = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    output += String(text);
    return true;
  });
  return { status: await profilesCommand(argv), output };
}

test('list names every profile with its protocol', async () => {
  const { status, output } = await run('list');
  expect(status).toBe(0);
  for (const name of profileNames()) expect(output).toContain(name);
});

test('show tells values, units, registers and the source', async () => {
  const { output } = await run('show', 'eastron-sdm120');
  expect(output).toMatch(/modbus-rtu, 2400 8N1, asked every 10 s/);
  expect(output).toMatch(/activePower +W +input 0x000c float32/);
  expect(output).toMatch(/source: Eastron/);
});

test('check of a user’s own profile plays the capture beside it, and says what differs', async () => {
  for (const end of ['yaml', 'capture', 'expected'])
    copyFileSync(join(PROFILES_DIRECTORY, `xy-md02.${end}`), join(directory, `mine.${end}`));
  const mine = join(directory, 'mine.yaml');
  expect(await run('check', mine)).toMatchObject({
    status: 0,
    output: expect.stringContaining('2 readings'),
  });
  writeFileSync(mine, readFileSync(mine, 'utf8').replace('scale: 0.1, unit: °C', 'scale: 0.01, unit: °C'));
  const { status, output } = await run('check', mine);
  expect(status).toBe(1);
  expect(output).toContain('"temperature":3.05');
  rmSync(join(directory, 'mine.expected'));
  expect((await run('check', mine)).output).toContain('belong into');
});

test('check without names is true of all that come with Edgelog', async () => {
  expect((await run('check')).status).toBe(0);
});

test('a verb that is none is told with those there are', async () => {
  await expect(run('lst')).rejects.toThrow(/unknown verb "lst".*list/);
});
