import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentSettingsSchema } from '@edgelog/agent';
import { hubSettings } from '@edgelog/hub';
import { hubCommandSettings, modeOf } from '@edgelog/hub/command-settings.ts';
import { loadSettings } from '@edgelog/runtime';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import nodeOptions from '../node-options.json' with { type: 'json' };

const here = (path: string) => join(import.meta.dirname, '../../../deploy', path);
const read = (path: string) => readFileSync(here(path), 'utf8');

test.each([
  ['agent.yaml', agentSettingsSchema],
  ['hub.yaml', hubSettings],
  ['hub-cluster.yaml', hubSettings],
] as const)('the program takes %s as it is', (file, schema) => {
  const argv = ['--config', here(`config/${file}`)];
  const settings = loadSettings({ command: file, summary: '', schema, argv, env: {} });
  expect(settings.dataDir).toMatch(/^\/var\/lib\/edgelog-/);
});

test('the hub takes sync-gateway.yaml as that of a sync gateway, and its unit starts it', () => {
  const argv = ['--config', here('config/sync-gateway.yaml')];
  const env = { EDGELOG_KAFKA_PASSWORD: 'x' };
  const schema = hubCommandSettings;
  const { gateway } = modeOf(loadSettings({ command: 'edgelog hub', summary: '', schema, argv, env }));
  expect(gateway).toMatchObject({ kafkaUser: 'edgelog', sinkReplication: 3 });
  expect(read('systemd/edgelog-sync-gateway.service')).toContain(
    'hub --config /etc/edgelog/sync-gateway.yaml\n',
  );
});

test('all that agent.yaml offers to uncomment is taken together', () => {
  const dir = mkdtempSync(join(tmpdir(), 'edgelog-deploy-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const config = join(dir, 'agent.yaml');
  writeFileSync(config, read('config/agent.yaml').replace(/^#(?! \S)/gm, ''));
  const schema = agentSettingsSchema;
  const settings = loadSettings({
    command: 'agent',
    summary: '',
    schema,
    argv: ['--config', config],
    env: {},
  });
  for (const section of ['acl', 'subscribe', 'serial', 'routes', 'topics', 'uplinkWindows'] as const) {
    expect(settings[section], section).not.toHaveLength(0);
  }
  expect(settings).toMatchObject({ gateway: 'plant-1-line-3', clock: 'system', mqttTls: '0.0.0.0:8883' });
});

test('every YAML example of the gateway page is taken by the agent', () => {
  const page = read('../agent/GATEWAY.md');
  const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => parse(text!) as object);
  expect(examples.length).toBeGreaterThan(4);
  for (const example of examples) agentSettingsSchema.strict().parse({ dataDir: 'd', ...example });
});

test.each(['agent', 'hub'])(
  'edgelog-%s.service starts a file that exists with the example of its command',
  (name) => {
    const unit = read(`systemd/edgelog-${name}.service`);
    const start = /^ExecStart=\/opt\/edgelog\/node_modules\/\.bin\/node (.*)$/m.exec(unit)?.[1] ?? '';
    const main = start.split(' ').find((word) => word.endsWith('.ts')) ?? '';
    expect(() => read(`../${main}`)).not.toThrow();
    expect(start).toContain(`${name} --config /etc/edgelog/${name}.yaml`);
    expect(unit).toContain(`StateDirectory=edgelog-${name}\n`);
    expect(read(`config/${name}.yaml`)).toContain(`dataDir: /var/lib/edgelog-${name}\n`);
  },
);

test.each(['agent', 'hub'] as const)(
  'edgelog-%s.service has the flags and variables of the launcher',
  (name) => {
    const unit = read(`systemd/edgelog-${name}.service`);
    const { flags, env } = nodeOptions[name];
    for (const flag of flags) expect(unit).toContain(` ${flag} `);
    for (const [variable, value] of Object.entries(env))
      expect(unit).toMatch(new RegExp(`^Environment=.*\\b${variable}=${value}\\b`, 'm'));
  },
);

test('the image installs every workspace, or npm ci would refuse the lock file', () => {
  const dockerfile = read('docker/Dockerfile');
  const packages = readdirSync(here('../packages')).map((name) => `packages/${name}`);
  for (const workspace of [...packages, 'agent', 'hub', 'devices']) {
    expect(dockerfile).toContain(`COPY ${workspace}/package.json ${workspace}/`);
  }
});

describe('compose.yaml', () => {
  const service = z.object({
    image: z.string(),
    build: z.object({ context: z.string(), dockerfile: z.string() }).optional(),
    command: z.array(z.string()),
    restart: z.literal('unless-stopped'),
    stop_grace_period: z.string(),
    healthcheck: z.object({ test: z.array(z.string()) }),
    depends_on: z.array(z.string()).default([]),
    ports: z.array(z.string()).default([]),
    volumes: z.array(z.string()),
  });
  const { services, volumes } = z
    .object({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.null()) })
    .parse(parse(read('compose.yaml'), { merge: true }));
  const named = (prefix: string) => Object.entries(services).filter(([name]) => name.startsWith(prefix));
  const settingsOf = <T extends z.ZodObject | typeof hubSettings>(
    schema: T,
    [command = '', ...argv]: string[],
  ) => loadSettings({ command, summary: '', schema, argv, env: {} });
  const brokers = named('hub-').map(([name, { command }]) => ({ name, ...settingsOf(hubSettings, command) }));
  const portOf = (address: string) => Number(address.split(':').at(-1));
  const hostOf = (url: string) => new URL(url).hostname;

  test('has three etcd, three brokers with ids and racks of their own, and an agent', () => {
    expect(Object.keys(services).sort()).toEqual(
      ['agent', ...[1, 2, 3].flatMap((id) => [`etcd-${id}`, `hub-${id}`])].sort(),
    );
    expect(brokers.map(({ brokerId }) => brokerId)).toEqual([1, 2, 3]);
    expect(new Set(brokers.map(({ rack }) => rack)).size).toBe(3);
  });
  test('each member of etcd knows all, and each broker knows all members', () => {
    const members = named('etcd-');
    const all = members.map(([name]) => `${name}=http://${name}:2380`).join(',');
    for (const [name, { command }] of members) {
      expect(command).toContain(`--name=${name}`);
      expect(command).toContain(`--initial-cluster=${all}`);
      expect(command).toContain(`--advertise-client-urls=http://${name}:2379`);
    }
    for (const { etcd } of brokers) expect(etcd.map(hostOf)).toEqual(members.map(([name]) => name));
  });
  test('a broker is reached under one name and port from inside and outside', () => {
    for (const { name, kafka, advertise } of brokers) {
      expect(advertise).toBe(`${name}:${portOf(kafka)}`);
      expect(services[name]!.ports).toContain(`127.0.0.1:${portOf(kafka)}:${portOf(kafka)}`);
    }
    const published = Object.values(services).flatMap(({ ports }) => ports.map((port) => port.split(':')[1]));
    expect(new Set(published).size).toBe(published.length);
  });
  test('the agent knows all brokers', () => {
    const { hub } = settingsOf(agentSettingsSchema, services.agent!.command);
    expect(hub).toEqual(brokers.map(({ name, sync }) => `ws://${name}:${portOf(sync)}`));
  });
  test('each service keeps its data in a volume of its own, and is asked whether it is well', () => {
    const mounts = Object.entries(services).map(([name, { volumes: own, command, healthcheck }]) => {
      const [volume, path] = own[0]!.split(':');
      expect(command).toContain(`--data-dir=${path}`);
      const asked = healthcheck.test.join(' ');
      expect(asked).toMatch(
        name.startsWith('etcd-') ? /etcdctl endpoint health/ : /127\.0\.0\.1:7421\/healthz/,
      );
      if (!name.startsWith('etcd-')) expect(command).toContain('--http=0.0.0.0:7421');
      return volume;
    });
    expect(mounts.sort()).toEqual(Object.keys(volumes).sort());
  });
  test('is built of files that are there, and waits for services that are there', () => {
    for (const { build, depends_on } of Object.values(services)) {
      if (build) expect(() => read(`${build.context}/${build.dockerfile}`)).not.toThrow();
      for (const other of depends_on) expect(services).toHaveProperty(other);
    }
  });
});
