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
