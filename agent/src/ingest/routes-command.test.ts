import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDir } from '@edgelog/edge/testing/fixture.ts';
import { expect, test, vi } from 'vitest';
import { routesCommand } from './routes-command.ts';

const CONFIG = `
dataDir: /var/lib/edgelog-agent
routes:
  - match: site/{site}/+/{sensor}
    topic: plant-{site}
    key: '{sensor}'
    timestamp: {path: ts, format: s}
  - name: noise
    match: debug/#
    drop: true
`;

async function run(config: string, ...argv: string[]) {
  const dir = temporaryDir();
  const file = join(dir, 'agent.yaml');
  writeFileSync(file, config);
  const out: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0);
  try {
    const [verb, ...rest] = argv;
    const status = await routesCommand([verb!, '--config', file, ...rest]);
    return { status, out: out.join('') };
  } finally {
    write.mockRestore();
  }
}

test('routes test: which route matched, what becomes of the message, and why', async () => {
  const { status, out } = await run(
    CONFIG,
    'test',
    '--topic',
    'site/n/1/t',
    '--payload',
    '{"ts":1700000000}',
  );
  expect(status).toBe(0);
  expect(out).toContain('route 1: matched ({site} = "n", {sensor} = "t")');
  expect(out).toContain('noise: not asked (route 1 has decided)');
  expect(out).toContain('→ topic plant-n, key "t"');
  expect(out).toContain('edgelog.time: 1700000000000');
});

test('routes test: exit status 3 for what matches no route or has an impossible time, 0 for what a rule drops', async () => {
  expect(await run(CONFIG, 'test', '--topic', 'x')).toMatchObject({ status: 3 });
  const { status, out } = await run(CONFIG, 'test', '--topic', 'site/n/1/t', '--payload', '{"ts":17}');
  expect(status).toBe(3);
  expect(out).toContain(
    "fault: route 1, site/n/1/t: the device's time 1970-01-01T00:00:17.000Z is before 2000",
  );
  expect(await run(CONFIG, 'test', '--topic', 'debug/x')).toMatchObject({ status: 0 });
});

test('routes test: a file of captures, one JSON object a line; a wrong line is named', async () => {
  const file = join(temporaryDir(), 'captures.ndjson');
  const lines = [
    { name: 'site/n/1/t', payload: '{"ts":1700000000}' },
    { name: 'debug/x', base64: '/w==' },
  ];
  writeFileSync(file, lines.map((line) => JSON.stringify(line)).join('\n'));
  const { status, out } = await run(CONFIG, 'test', '--file', file, '--json');
  expect(status).toBe(0);
  const results = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(results.map(({ outcome }) => outcome)).toEqual(['taken', 'left out']);
  writeFileSync(file, '{"name": "a"}');
  await expect(run(CONFIG, 'test', '--file', file)).rejects.toThrow(`${file}:1: `);
});

test('routes check: a route that is never asked, and a template that cannot work', async () => {
  expect(await run(CONFIG, 'check')).toMatchObject({
    status: 0,
    out: '2 routes; what matches none goes to telemetry\n',
  });
  const { status, out } = await run(`${CONFIG}  - match: debug/deep/+\n`, 'check');
  expect(status).toBe(3);
  expect(out).toContain('route 3 is never asked: noise takes all that it would match');
  await expect(run(`routes: [{match: a, topic: '{b}'}]`, 'check')).rejects.toThrow(/route 1: template "{b}"/);
});

test('routes test: what matches no route is told which came nearest, and where it left it', async () => {
  const { out } = await run(CONFIG, 'test', '--topic', 'site/n/1');
  expect(out).toContain('mqtt site/n/1: no route (nearest: route 1)');
  expect(out).toContain('route 1: passed over (site/{site}/+/{sensor}: it has 3 levels, not 4)');
  expect(out).toContain('noise: passed over (debug/#: level 1 is "site", not "debug")');
  const config = `routes: [{match: ['a/b/c', 'a/{x}/d/#']}, {match: {port: ttyS0}}, {match: {topic: 'a/#', client: m*}}]`;
  const { out: several } = await run(config, 'test', '--topic', 'a/b');
  expect(several).toContain('(nearest: route 1)');
  expect(several).toContain('route 1: passed over (a/b/c: it has 2 levels, not 3)');
  expect(several).toContain('route 2: passed over (it asks for no topic)');
  expect(several).toContain('route 3: passed over (client "dry-run" is none of its clients)');
});

test('routes test: what a device sends does not steer the terminal', async () => {
  const { out } = await run(CONFIG, 'test', '--topic', 'a\x1b[2J', '--payload', '\x1b]0;x\x07');
  expect(out.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(out).toContain('a\\x1b[2J: no route');
});

test('routes test: a topic that no message can have is refused', async () => {
  await expect(run(CONFIG, 'test', '--topic', 'site/+/1/t')).rejects.toThrow(
    /--topic = "site\/\+\/1\/t": expected the topic of a message/,
  );
});

test('routes test: captures come from standard input as well', () => {
  const script = `import { routesCommand } from ${JSON.stringify(new URL('./routes-command.ts', import.meta.url).href)};
    process.exitCode = await routesCommand(['test', '--file', '-']);`;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
    input: '{"name": "a/b", "payload": "21.5"}\n',
    encoding: 'utf8',
    env: {},
  });
  expect(stdout).toContain('→ topic telemetry, key "a/b", value 21.5');
  expect(status).toBe(3);
});
