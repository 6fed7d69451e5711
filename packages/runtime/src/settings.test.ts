import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { addressSetting } from './address.ts';
import { loadSettings } from './settings.ts';

const directory = mkdtempSync(join(tmpdir(), 'edgelog-settings-'));
afterAll(() => rmSync(directory, { recursive: true }));
function file(text: string): string {
  const path = join(directory, `${Math.random()}.yaml`);
  writeFileSync(path, text);
  return path;
}

const schema = z.object({
  dataDir: z.string().min(1).describe('Where data is kept.'),
  kafka: addressSetting().default('127.0.0.1:9092').describe('Address of the Kafka listener.'),
  brokerId: z.number().int().min(0).default(1).describe('Number of this broker.'),
  autoCreate: z.boolean().default(true).describe('Create topics on first use.'),
  compression: z.enum(['none', 'gzip', 'zstd']).default('zstd').describe('Codec of sealed batches.'),
  serial: z.array(z.string()).default([]).describe('Serial ports.'),
  routes: z
    .array(z.object({ filter: z.string(), topic: z.string() }))
    .default([])
    .describe('Routes.'),
});
const load = (argv: string[], env: Record<string, string> = {}) =>
  loadSettings({ command: 'edgelog hub', summary: 'The hub.', schema, argv, env });
const message = (argv: string[], env: Record<string, string> = {}) => {
  try {
    load(argv, env);
  } catch (error) {
    expect(error).toMatchObject({ name: 'EdgelogError', code: 'CONFIG_INVALID' });
    return (error as Error).message;
  }
  throw new Error('accepted');
};

describe('layers', () => {
  test('flags override variables, variables the file, the file defaults', () => {
    const config = file('dataDir: fromFile\nkafka: 10.0.0.1:1\nbrokerId: 3\n');
    const settings = load(['--config', config, '--broker-id', '5'], {
      EDGELOG_KAFKA: 'h:2',
      EDGELOG_BROKER_ID: '4',
    });
    expect(settings).toMatchObject({ dataDir: 'fromFile', kafka: 'h:2', brokerId: 5, compression: 'zstd' });
  });
  test('the file may be named by EDGELOG_CONFIG', () => {
    expect(load([], { EDGELOG_CONFIG: file('dataDir: x') }).dataDir).toBe('x');
  });
  test('booleans: --x, --no-x, --x=off and words in variables', () => {
    expect(load(['--data-dir', 'd', '--no-auto-create']).autoCreate).toBe(false);
    expect(load(['--data-dir', 'd', '--auto-create=off']).autoCreate).toBe(false);
    expect(load(['--data-dir', 'd', '--auto-create'], { EDGELOG_AUTO_CREATE: 'no' }).autoCreate).toBe(true);
    expect(load(['--data-dir', 'd'], { EDGELOG_AUTO_CREATE: '0' }).autoCreate).toBe(false);
  });
  test('a list of one needs no brackets in the file', () => {
    expect(load(['--config', file('dataDir: d\nserial: /a,b\n')]).serial).toEqual(['/a,b']);
  });
  test('lists take repeated flags and commas', () => {
    expect(load(['--data-dir=d', '--serial', '/a,/b', '--serial=/c']).serial).toEqual(['/a', '/b', '/c']);
  });
  test('a later flag of one value wins, an empty variable is not set', () => {
    expect(load(['--data-dir', 'a', '--data-dir', 'b'], { EDGELOG_KAFKA: '' })).toMatchObject({
      dataDir: 'b',
      kafka: '127.0.0.1:9092',
    });
  });
  test('nested settings come from the file', () => {
    const config = file('dataDir: d\nroutes:\n  - filter: a/#\n    topic: t\n');
    expect(load(['--config', config]).routes).toEqual([{ filter: 'a/#', topic: 't' }]);
  });
  test('words without a flag go to the positional keys', () => {
    const verbs = z.object({ verb: z.enum(['list', 'delete']), topics: z.array(z.string()).default([]) });
    const options = { command: 'edgelog topics', summary: '', schema: verbs, env: {} };
    const loaded = loadSettings({
      ...options,
      argv: ['list', 'a', '--', '--b'],
      positionals: ['verb', 'topics'],
    });
    expect(loaded).toEqual({ verb: 'list', topics: ['a', '--b'] });
  });
});

describe('errors name the key, where it stood, its value and what is allowed', () => {
  test('flag', () => {
    expect(message(['--data-dir', 'd', '--broker-id', 'x'])).toBe(
      'edgelog hub: --broker-id = "x": expected number',
    );
    expect(message(['--data-dir', 'd', '--kafka', '9092'])).toContain(
      '--kafka = "9092": expected HOST:PORT, port 0 to 65535',
    );
    expect(message(['--data-dir', 'd', '--compression', 'zst'])).toContain(
      '--compression = "zst": expected one of "none"|"gzip"|"zstd" (did you mean zstd?)',
    );
    expect(message(['--data-dir', 'd', '--broker-id', '-1'])).toContain('--broker-id = -1: Too small');
  });
  test('variable', () => {
    expect(message(['--data-dir', 'd'], { EDGELOG_AUTO_CREATE: 'maybe' })).toContain(
      'EDGELOG_AUTO_CREATE = "maybe": expected boolean',
    );
  });
  test('file, with its line', () => {
    const config = file('dataDir: d\nroutes:\n  - filter: a/#\n    topic: 7\n');
    expect(message(['--config', config])).toContain(`routes.0.topic (${config}:4) = 7: expected string`);
  });
  test('unknown flag, variable and key, each with the nearest known one', () => {
    const config = file('dataDir: d\nkafca: h:1\nroutes:\n  - {filter: a, topic: b, topik: c}\n');
    const text = message(['--config', config, '--brokerid', '3'], { EDGELOG_DATADIR: 'x' });
    expect(text.split('; ')).toHaveLength(5);
    expect(text).toContain('unknown flag --brokerid (did you mean --broker-id?)');
    expect(text).toContain('unknown variable EDGELOG_DATADIR (did you mean EDGELOG_DATA_DIR?)');
    expect(text).toContain(`unknown key kafca at ${config}:2 (did you mean kafka?)`);
    expect(text).toContain(`unknown key routes.0.topik at ${config}:4 (did you mean topic?)`);
  });
  test('missing', () => {
    expect(message([])).toContain(
      '--data-dir is required (or EDGELOG_DATA_DIR, or dataDir in the file of --config)',
    );
    expect(message(['--data-dir'])).toContain('--data-dir needs a value');
    expect(message(['--data-dir', '--kafka', 'h:1'])).toContain('--data-dir needs a value');
  });
  test('a structured setting given as flag or variable', () => {
    expect(message(['--data-dir', 'd', '--routes', 'x'])).toContain('write routes in the YAML file');
    expect(message(['--data-dir', 'd'], { EDGELOG_ROUTES: 'x' })).toContain('write routes in the YAML file');
  });
  test('a word that is missing, by its name and what it may be, not as a flag', () => {
    const schema = z.object({ verb: z.enum(['check', 'test']) });
    const load = () =>
      loadSettings({
        command: 'edgelog routes',
        summary: '',
        schema,
        argv: [],
        env: {},
        positionals: ['verb'],
      });
    expect(load).toThrow('edgelog routes: VERB is missing: one of check, test; see --help');
  });
  test('a stray word', () => {
    expect(message(['--data-dir', 'd', 'stray'])).toContain('"stray" is not expected here');
  });
  test('a file that is missing, not YAML, or no mapping', () => {
    expect(message(['--config', '/nowhere.yaml'])).toContain('--config /nowhere.yaml cannot be read');
    const broken = file('dataDir: d\nkafka: [\n');
    expect(message(['--config', broken])).toContain(`${broken}:`);
    expect(message(['--config', file('- a\n')])).toContain('must hold "key: value" lines');
  });
});

test('a command that takes flags only reads neither file nor environment', () => {
  const options = {
    command: 'edgelog topics',
    summary: '',
    schema: z.object({ config: z.array(z.string()).default([]) }),
  };
  const env = { EDGELOG_DATA_DIR: 'x', EDGELOG_CONFIG: '/nowhere' };
  const argv = ['--config', 'a=b'];
  expect(loadSettings({ ...options, argv, env, sources: 'flags' })).toEqual({ config: ['a=b'] });
  const schema = z.object({ file: z.string() });
  expect(() => loadSettings({ ...options, schema, argv: [], env, sources: 'flags' })).toThrow(
    /--file is required$/,
  );
});

test('--help lists every setting with its description and default', () => {
  let text = '';
  const onHelp = (help: string): never => {
    text = help;
    throw new Error('help');
  };
  expect(() =>
    loadSettings({ command: 'edgelog hub', summary: 'The hub.', schema, argv: ['--help'], env: {}, onHelp }),
  ).toThrow('help');
  expect(text).toMatch(/--data-dir VALUE +Where data is kept. \(required\)/);
  expect(text).toMatch(/--kafka VALUE +Address of the Kafka listener. \(default 127.0.0.1:9092\)/);
  expect(text).toMatch(/--\[no-\]auto-create +Create topics on first use. \(default true\)/);
  expect(text).toMatch(/--compression none\|gzip\|zstd/);
  expect(text).toMatch(/Only in the YAML file:\n +routes/);
});

test('a hidden setting is taken and not shown', () => {
  const hidden = z.object({
    flush: z.boolean().default(true).meta({ hidden: true, description: 'For benchmarks.' }),
  });
  const options = { command: 'edgelog hub', summary: 'The hub.', schema: hidden, env: {} };
  expect(loadSettings({ ...options, argv: ['--no-flush'] })).toEqual({ flush: false });
  const onHelp = (help: string): never => {
    throw new Error(help);
  };
  expect(() => loadSettings({ ...options, argv: ['--help'], onHelp })).toThrow(/^(?!.*flush)/s);
});
