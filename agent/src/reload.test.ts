import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { routesSchema } from './ingest/index.ts';
import { field, sparkplugPayload } from './ingest/testing/sparkplug-encoder.ts';
import type { agentStatus } from './status.ts';
import { NO_HUB, temporaryDir, testAgent, testHub, testSettings, until } from './testing/fixture.ts';
import { MemoryHub } from './testing/memory-hub.ts';
import { type AgentProcess, startProcess } from './testing/process.ts';
import { publishPacket, RawMqtt } from './testing/raw-mqtt.ts';

const read = 'configuration read again';

async function statusOf({ httpPort }: AgentProcess): Promise<ReturnType<typeof agentStatus>> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/status`);
  return (await response.json()) as ReturnType<typeof agentStatus>;
}

/** A real agent on a file, and what `kill -HUP` makes of another content. */
async function startOn(yaml: string, args: readonly string[] = []) {
  const dir = temporaryDir();
  const config = join(dir, 'agent.yaml');
  writeFileSync(config, yaml);
  const agent = await startProcess({
    dataDir: join(dir, 'data'),
    hub: NO_HUB,
    args: ['--config', config, ...args],
  });
  const hangUp = async (next: string, said: RegExp) => {
    const before = agent.stderr().length;
    writeFileSync(config, next);
    process.kill(agent.pid, 'SIGHUP');
    await until('it is told', () => said.test(agent.stderr().slice(before)));
    return agent.stderr().slice(before);
  };
  const publish = async (name: string) => {
    const client = await RawMqtt.connect(agent.mqttPort, 'dev');
    client.send(publishPacket(name, 'x', { messageId: 1 }));
    await client.packets('puback', 1);
    client.socket.destroy();
  };
  return { agent, config, hangUp, publish };
}

describe('SIGHUP', () => {
  test('routes, upload windows, cap, topics, host names and log level of a running gateway are those of the file from now on', async () => {
    const { agent, hangUp, publish } = await startOn('routes:\n  - { match: "a/#", topic: first }\n');
    await publish('a/1');
    await hangUp(
      `routes:
  - { match: "a/#", topic: second }
uplinkMaxBytesPerSecond: 20000
uplinkWindows: ['Mon-Sun 00:00-24:00']
topics:
  - { topic: second, priority: 5 }
httpHosts: [gateway.example]
`,
      new RegExp(read),
    );
    await publish('a/1');
    const status = await statusOf(agent);
    expect(status.streams.map(({ topic }) => topic)).toEqual(['first', 'second']);
    expect(status.uplink).toMatchObject({ maxBytesPerSecond: 20000, window: { isOpen: true } });
    await hangUp('logLevel: debug\n', new RegExp(read));
    await until('lines of the new level come', () => agent.stderr().includes('"level":"debug"'));
  });

  test('a broken file changes nothing, and says what is wrong and on which line; mended, it is taken', async () => {
    const { agent, hangUp, publish } = await startOn('routes:\n  - { match: "a/#", topic: first }\n');
    const said = await hangUp('topic: other\nroutes:\n  - { match: "a/#/b" }\nlogLevl: debug\n', /alarm/);
    expect(said).toMatch(/agent\.yaml:4.*logLevel/);
    expect(said).toMatch(/all stays as it was/);
    await publish('a/1');
    await publish('b');
    const broken = await statusOf(agent);
    expect(broken.streams.map(({ topic }) => topic)).toEqual(['first', 'telemetry']);
    expect(broken.alarms.map(({ name }) => name)).toEqual(['configuration']);
    await hangUp('topic: [', /agent\.yaml:1/);
    await hangUp('topic: other\n', new RegExp(read));
    expect((await statusOf(agent)).alarms).toEqual([]);
    await publish('b');
    expect((await statusOf(agent)).streams.map(({ topic }) => topic)).toContain('other');
  });

  test('what only a start can change is named, each time, and a flag still goes before the file', async () => {
    const { agent, hangUp } = await startOn('lingerMs: 100\n', ['--log-level', 'info']);
    const next = 'lingerMs: 200\nlogLevel: error\nmqttMaxConnections: 7\n';
    const waits = (setting: string) => `takes effect with the next start","setting":"${setting}"`;
    for (let i = 0; i < 2; i++) {
      const said = await hangUp(next, /"mqttMaxConnections"/);
      expect(said).toContain(waits('lingerMs'));
      expect(said).toContain(waits('mqttMaxConnections'));
      expect(said).toContain('"changed":[]');
    }
    expect(await agent.kill('SIGTERM')).toBe(0);
  });

  test('rules for topics change under clients that stay connected', async () => {
    const rules = (topic: string) => `acl:\n  - { publish: ["${topic}"] }\n`;
    const { agent, hangUp } = await startOn(rules('a'));
    const client = await RawMqtt.connect(agent.mqttPort, 'dev');
    client.send(publishPacket('a', 'x', { messageId: 1 }));
    await client.packets('puback', 1);
    await hangUp(rules('b'), new RegExp(read));
    client.send(publishPacket('b', 'x', { messageId: 2 }));
    await client.packets('puback', 2);
    const closed = new Promise((resolve) => client.socket.once('close', resolve));
    client.send(publishPacket('a', 'x', { messageId: 3 }));
    await closed;
    expect((await statusOf(agent)).streams[0]?.endOffset).toBe(2);
  });

  test('topics that are sent first are other ones from now on, also of streams that are open at the hub', async () => {
    const { url } = await testHub(new MemoryHub());
    const settings = testSettings({ dataDir: temporaryDir(), hub: [url] });
    const agent = await testAgent(settings);
    const client = await RawMqtt.connect(agent.mqttPort, 'dev');
    client.send(publishPacket('a', 'x', { messageId: 1 }));
    const priority = () => agent.status().streams[0]?.lanes[0]?.priority;
    await until('the hub has it', () => agent.status().streams[0]?.lagRecords === 0 && priority() === 0);
    const topics = [{ topic: 'tele*', priority: 7, lane: 'in-order' as const, whenFull: 'reject' as const }];
    agent.reload(() => ({ ...settings, topics }));
    await until('it goes first', () => priority() === 7);
    client.socket.destroy();
  });

  test('a Sparkplug birth that is not on disk yet when the routes change still names the aliases of later data', async () => {
    const routes = (topic: string) => routesSchema.parse([{ match: 'spBv1.0/#', topic, sparkplug: 'json' }]);
    const settings = testSettings({
      dataDir: temporaryDir(),
      commitWindowMs: 1000,
      routes: routes('first'),
    });
    const agent = await testAgent(settings);
    const client = await RawMqtt.connect(agent.mqttPort, 'dev');
    // Behind a commit the next one is a second away.
    client.send(publishPacket('other', 'x'));
    await client.packets('puback', 1);
    const metric = { name: 'speed', alias: 1n, datatype: 10n, rest: [field(13, 1.5)] };
    client.send(publishPacket('spBv1.0/g/NBIRTH/n', sparkplugPayload(0n, 0n, [metric]), { qos: 0 }));
    const seen = () => agent.status().ingest.routes[0];
    await until('the birth is taken', () => seen()?.records === 1);
    agent.reload(() => ({ ...settings, routes: routes('second') }));
    const { alias, rest } = metric;
    client.send(publishPacket('spBv1.0/g/NDATA/n', sparkplugPayload(1n, 1n, [{ alias, rest }]), { qos: 0 }));
    await until('the data are taken', () => seen()?.records === 1);
    expect(seen()).toMatchObject({ sparkplugRaw: 0 });
    client.socket.destroy();
  });

  test('a file that says the same again changes nothing', async () => {
    const yaml = `serial: [/dev/no-such-port@9600]
routes: [{ match: 'a/{x}', topic: 't-{x}', sample: { every: 2 } }, { match: debug/#, drop: true }]
topics: [{ topic: t-a, whenFull: drop-oldest }]
acl: [{ publish: ['#'] }]
uplinkWindows: ['Mon-Fri 22:00-06:00']
subscribe: [{ url: 'mqtt://127.0.0.1:9', filters: ['a/#'] }]
`;
    const { hangUp } = await startOn(yaml);
    const said = await hangUp(`# only this is new\n${yaml}`, new RegExp(read));
    expect(said).toContain('"changed":[]');
    expect(said).not.toContain('next start');
  });
});
