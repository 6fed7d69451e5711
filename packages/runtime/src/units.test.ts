import { expect, test } from 'vitest';
import { z } from 'zod';
import { loadSettings } from './settings.ts';
import { parseDuration, parseSize, sizeSetting, timeSetting } from './units.ts';

test.each([
  ['4G', 2 ** 32],
  ['4GiB', 2 ** 32],
  ['4 gib', 2 ** 32],
  ['500MB', 500_000_000],
  ['1.5M', 1_572_864],
  ['20kB', 20_000],
  ['16K', 16_384],
  ['2TB', 2e12],
  ['7b', 7],
])('a size of %s is %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each([
  ['500ms', 500],
  ['1.5s', 1_500],
  ['2m', 120_000],
  ['1h', 3_600_000],
  ['7d', 604_800_000],
])('a time of %s is %d milliseconds', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '4', 'G', '-4G', '4GG', '4 5G', '1e3G', '4constructor', '0x4G', '4Gbit'])(
  '%j is no size',
  (text) => expect(parseSize(text)).toBeUndefined(),
);

test.each(['', '5', '5M', '10 s 5ms', '-1s', '1y'])('%j is no time', (text) =>
  expect(parseDuration(text)).toBeUndefined(),
);

const schema = z.object({
  diskBytes: sizeSetting(1024, 2 ** 40)
    .default(2 ** 32)
    .describe('The disk.'),
  maxBytes: sizeSetting(0).default(1_000_000).describe('The most.'),
  lingerMs: timeSetting(0, 60_000).default(100).describe('The wait.'),
  limitMs: timeSetting(0).optional().describe('The end.'),
});
const load = (argv: string[], env: Record<string, string> = {}) =>
  loadSettings({ command: 'edgelog x', summary: '', schema, argv, env });

test('flags and variables take sizes and times with a unit, and plain numbers as before', () => {
  expect(load(['--disk-bytes', '500MB', '--linger-ms=2s'], { EDGELOG_LIMIT_MS: '1h' })).toEqual({
    diskBytes: 500_000_000,
    maxBytes: 1_000_000,
    lingerMs: 2_000,
    limitMs: 3_600_000,
  });
  expect(load(['--disk-bytes', '2048', '--linger-ms', '0'])).toMatchObject({ diskBytes: 2048, lingerMs: 0 });
});

test('what is no size or time, or too much of it, is refused with what was written and how it is written', () => {
  expect(() => load(['--disk-bytes', '4 gigs'])).toThrow(
    'edgelog x: --disk-bytes = "4 gigs": expected a number of bytes, or one with a unit such as 500MB or 4GiB',
  );
  expect(() => load(['--linger-ms', '5 minutes'])).toThrow(
    '--linger-ms = "5 minutes": expected a number of milliseconds, or one with a unit such as 500ms, 10s or 2h',
  );
  expect(() => load(['--linger-ms', '2m'])).toThrow(
    '--linger-ms = "2m": Too big: expected number to be <=60000',
  );
  // As a timer it would be over at once.
  expect(() => load(['--limit-ms', '30d'])).toThrow('--limit-ms = "30d": Too big');
  expect(() => load(['--disk-bytes', '2T'])).toThrow('--disk-bytes = "2T": Too big');
  expect(() => load(['--disk-bytes', '-5'])).toThrow('--disk-bytes = -5: Too small');
});

test('--help shows defaults as people write them, and which units there are', () => {
  const onHelp = (help: string): never => {
    throw new Error(help);
  };
  const help = () => loadSettings({ command: 'x', summary: '', schema, argv: ['--help'], env: {}, onHelp });
  expect(help).toThrow(/--disk-bytes SIZE +The disk\. \(default 4GiB\)/);
  expect(help).toThrow(/--max-bytes SIZE +The most\. \(default 1000000\)/);
  expect(help).toThrow(/--linger-ms TIME +The wait\. \(default 100ms\)/);
  expect(help).toThrow(/SIZE is a number of bytes.*\nTIME is a number of milliseconds/);
});
