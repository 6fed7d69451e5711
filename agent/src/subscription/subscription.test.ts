import { execFileSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { temporaryDir, testAgent, testHub, until } from '../testing/fixture.ts';
import { MemoryHub } from '../testing/memory-hub.ts';
import { type Mosquitto, mosquitto } from '../testing/mosquitto.ts';
import { startProcess } from '../testing/process.ts';
import { publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';
import { type subscriptionSchema, subscriptionsSchema } from './setting.ts';

type Given = Partial<z.input<typeof subscriptionSchema>>;

const setting = ({ port }: Pick<Mosquitto, 'port'>, given: Given = {}) =>
  subscriptionsSchema.parse([{ url: `mqtt://127.0.0.1:${port}`, filters: ['#'], name: 'plant', ...given }]);

async function subscribed(broker: Mosquitto, given: Given = {}, dataDir = temporaryDir()) {
  const hub = new MemoryHub();
  const server = await testHub(hub);
  const agent = await testAgent({ dataDir, hub: [server.url], subscribe: setting(broker, given) });
  const status = () => agent.status().subscriptions[0]!;
  await until('it is subscribed', () => status().state === 'subscribed');
  return { agent, hub, status };
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, n) => `${from + n}`);

describe('messages of an existing broker', () => {
  test.each(['3.1.1', 5] as const)(
    'reach the hub in order, each acknowledged (MQTT %s)',
    async (protocol) => {
      const broker = await mosquitto(temporaryDir());
      const { hub, status } = await subscribed(broker, { protocol });
      await broker.publishLines(numbers(500), '-t', 'a/b', '-q', '1');
      await until('all are at the hub', () => hub.values().length >= 500);
      expect(hub.values()).toEqual(numbers(500));
      await until('the broker is told', () => status().unacked === 0);
      expect(status()).toMatchObject({ messages: 500, lastError: null });
      const [record] = hub.records();
      expect(`${record!.key}`).toBe('a/b');
      expect(record!.headers.map(({ key, value }) => [key, `${value}`])).toContainEqual([
        'edgelog.source',
        'subscription:plant',
      ]);
    },
  );

  test('of QoS 0 and 2 come too, with their user properties', async () => {
    const broker = await mosquitto(temporaryDir());
    const { hub } = await subscribed(broker, { qos: 2 });
    await broker.publish('-t', 'zero', '-m', '0', '-q', '0');
    await broker.publishLines(
      numbers(100),
      '-t',
      'two',
      '-q',
      '2',
      '-V',
      '5',
      '-D',
      'publish',
      'user-property',
      'unit',
      'C',
    );
    await until('all are at the hub', () => hub.values().length >= 101);
    const two = hub.records().filter(({ key }) => `${key}` === 'two');
    expect(two.map(({ value }) => `${value}`)).toEqual(numbers(100));
    expect(two[0]!.headers.at(-1)).toMatchObject({ key: 'unit', value: Buffer.from('C') });
  });

  test('that come while the gateway is away are there when it comes back; retained ones do not come again', async () => {
    const broker = await mosquitto(temporaryDir());
    const dataDir = temporaryDir();
    await broker.publish('-t', 'kept', '-m', 'r', '-q', '1', '-r');
    const first = await subscribed(broker, {}, dataDir);
    await until('the retained message is taken', () => first.status().messages === 1);
    await first.agent.stop();
    await broker.publishLines(numbers(200), '-t', 't', '-q', '1');
    const { hub } = await subscribed(broker, {}, dataDir);
    await until('all are at the hub', () => hub.values().length >= 201);
    expect(hub.values()).toEqual(['r', ...numbers(200)]);
    const retained = hub.records().map(({ headers }) => headers.some(({ key }) => key === 'mqtt.retained'));
    expect(retained).toEqual([true, ...Array(200).fill(false)]);
  });

  test('of a shared subscription go to one gateway each', async () => {
    const broker = await mosquitto(temporaryDir());
    const one = await subscribed(broker, { share: 'g', clientId: 'one' });
    const two = await subscribed(broker, { share: 'g', clientId: 'two' });
    await broker.publishLines(numbers(100), '-t', 't', '-q', '1');
    const total = () => one.hub.values().length + two.hub.values().length;
    await until('all are at the hubs', () => total() >= 100);
    expect([...one.hub.values(), ...two.hub.values()].map(Number).sort((a, b) => a - b)).toEqual(
      numbers(100).map(Number),
    );
    expect(one.hub.values().length).toBeGreaterThan(0);
    expect(two.hub.values().length).toBeGreaterThan(0);
  });

  test('that are over the limit are left out with an alarm, and what is behind them comes', async () => {
    const broker = await mosquitto(temporaryDir());
    const hub = new MemoryHub();
    const server = await testHub(hub);
    const agent = await testAgent({
      dataDir: temporaryDir(),
      hub: [server.url],
      maxMessageBytes: 1000,
      subscribe: setting(broker, { protocol: '3.1.1' }),
    });
    await until('it is subscribed', () => agent.status().subscriptions[0]!.state === 'subscribed');
    for (const topic of ['t', 'u', 'v']) await broker.publish('-t', topic, '-q', '1', '-m', 'x'.repeat(1001));
    await broker.publish('-t', 't', '-q', '1', '-m', 'small');
    await until('the small one is at the hub', () => hub.values().length === 1);
    expect(agent.status().subscriptions[0]).toMatchObject({ messages: 1, refused: 3 });
    // Of each other message the log would have a line.
    expect(agent.status().alarms).toMatchObject([
      { name: 'subscription plant refused', message: expect.stringContaining('one on t are') },
    ]);
    const acknowledged = await fetch(`http://127.0.0.1:${agent.httpPort}/alarms/acknowledge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ alarm: 'subscription plant refused' }),
    });
    expect(acknowledged.status).toBe(200);
    expect(agent.status().alarms).toEqual([]);
  });
});

test('kill -9 of the agent under load: nothing is lost, order is kept, and QoS 2 comes exactly once', async () => {
  const broker = await mosquitto(temporaryDir());
  const hub = new MemoryHub();
  const server = await testHub(hub);
  const dataDir = temporaryDir();
  const file = join(temporaryDir(), 'agent.yaml');
  const url = `mqtt://127.0.0.1:${broker.port}`;
  const subscribe = ([1, 2] as const).map((qos) => ({
    ...{ url, qos, filters: [`${qos}/#`], name: `q${qos}`, clientId: `q${qos}` },
  }));
  writeFileSync(file, JSON.stringify({ subscribe }));
  const [total, kills] = [2000, 2];
  let published: Promise<unknown> | undefined;
  for (let round = 0; round <= kills; round++) {
    const agent = await startProcess({ dataDir, hub: server.url, args: ['--config', file] });
    await until('both are subscribed', () => agent.stderr().split('subscribed to a broker').length === 3);
    published ??= Promise.all(
      [1, 2].map((qos) => broker.publishLines(numbers(total), '-t', `${qos}/t`, '-q', `${qos}`)),
    );
    if (round === kills) break;
    await new Promise((resolve) => setTimeout(resolve, 100 + 150 * Math.random()));
    await agent.kill('SIGKILL');
  }
  await published;
  const values = (topic: string) =>
    hub
      .records()
      .filter(({ key }) => `${key}` === topic)
      .map(({ value }) => `${value}`);
  const isComplete = () => ['1/t', '2/t'].every((topic) => new Set(values(topic)).size >= total);
  await until('all are at the hub', isComplete);
  expect(values('2/t')).toEqual(numbers(total));
  expect([...new Set(values('1/t'))]).toEqual(numbers(total));
});

test('kill -9 of the broker: the gateway subscribes again and takes what comes then', async () => {
  const broker = await mosquitto(temporaryDir());
  const { hub, status, agent } = await subscribed(broker);
  await broker.publishLines(numbers(50), '-t', 't', '-q', '1');
  await until('the first are at the hub', () => hub.values().length === 50);
  await broker.kill('SIGKILL');
  await until('it is noticed', () => status().state !== 'subscribed');
  const isAlarming = () => agent.status().alarms.some(({ name }) => name === 'subscription plant');
  await until('the alarm stands', isAlarming);
  await broker.start();
  await until('it is subscribed again', () => status().state === 'subscribed');
  await broker.publishLines(numbers(50, 50), '-t', 't', '-q', '1');
  await until('all are at the hub', () => new Set(hub.values()).size === 100);
  expect(hub.values().slice(0, 50)).toEqual(numbers(50));
  await until('the alarm is over', () => !isAlarming());
});

test('stuck after "full" (Mosquitto bridge): a full disk holds the subscription, nothing is lost, and it goes on', async () => {
  const broker = await mosquitto(temporaryDir());
  const hub = new MemoryHub();
  const server = await testHub(hub);
  const agent = await testAgent({
    dataDir: temporaryDir(),
    hub: [server.url],
    maxDiskBytes: 16 * 1024 * 1024,
    compression: 'none',
    subscribe: setting(broker, { keepAliveSeconds: 30 }),
  });
  const status = () => agent.status().subscriptions[0]!;
  await until('it is subscribed', () => status().state === 'subscribed');
  agent.setUplinkPaused(true);
  const values = numbers(600).map((n) => n.padEnd(50_000, '.'));
  await broker.publishLines(values, '-t', 't', '-q', '1');
  await until('the disk is full', () => status().state === 'held');
  await until('the alarm stands', () =>
    agent.status().alarms.some(({ name }) => name === 'subscription plant'),
  );
  agent.setUplinkPaused(false);
  await until('all are at the hub', () => hub.values().length >= values.length);
  expect(hub.values().map((value) => Number.parseInt(value, 10))).toEqual(numbers(600).map(Number));
  await until('it is held no more', () => status().state === 'subscribed');
  expect(status().connections).toBe(1);
});

test('a broker with TLS and passwords: the wrong password is named, the right one works', async () => {
  const dir = temporaryDir();
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: dir, stdio: 'pipe' });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...ec,
    '-keyout',
    'key.pem',
    '-out',
    'cert.pem',
    '-days',
    '30',
    '-subj',
    '/CN=broker',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
  );
  execFileSync('mosquitto_passwd', ['-b', '-c', join(dir, 'users'), 'gw', 'secret']);
  const broker = await mosquitto(dir, [
    `certfile ${dir}/cert.pem`,
    `keyfile ${dir}/key.pem`,
    'allow_anonymous false',
    `password_file ${dir}/users`,
  ]);
  writeFileSync(join(dir, 'password'), 'wrong\n');
  const given: Given = {
    url: `mqtts://127.0.0.1:${broker.port}`,
    ca: join(dir, 'cert.pem'),
    username: 'gw',
    passwordFile: join(dir, 'password'),
  };
  const agent = await testAgent({ dataDir: temporaryDir(), subscribe: setting(broker, given) });
  const status = () => agent.status().subscriptions[0]!;
  await until('it is refused', () => status().lastError !== null);
  expect(status().lastError).toMatch(/not authorized/i);
  writeFileSync(join(dir, 'password'), 'secret\n');
  await until('it is subscribed', () => status().state === 'subscribed');
  await broker.publish(
    '-t',
    't',
    '-m',
    'x',
    '-q',
    '1',
    '--cafile',
    join(dir, 'cert.pem'),
    '-u',
    'gw',
    '-P',
    'secret',
  );
  await until('a message is taken', () => status().messages === 1);
});

test("two gateways with one client id end each other's connections: both say so, and do it ever more seldom", async () => {
  const broker = await mosquitto(temporaryDir());
  const agents = await Promise.all(
    [1, 2].map(() => testAgent({ dataDir: temporaryDir(), subscribe: setting(broker) })),
  );
  const named =
    /3 connections in a row did not stand for long: does another client have the client id "edgelog-gw"\?/;
  const messages = () =>
    agents.map(
      (agent) => agent.status().alarms.find(({ name }) => name === 'subscription plant')?.message ?? '',
    );
  const seen = new Set<number>();
  await until('both have said so', () => {
    for (const [i, message] of messages().entries()) if (named.test(message)) seen.add(i);
    return seen.size === 2;
  });
  await until('the alarm stays while they are connected', () =>
    agents.some(
      (agent, i) => agent.status().subscriptions[0]!.state === 'subscribed' && messages()[i] !== '',
    ),
  );
});

describe('a broker that refuses a filter', () => {
  const guarded = async (filters: string[]) => {
    const broker = await testAgent({
      dataDir: temporaryDir(),
      gateway: 'broker',
      acl: [{ publish: ['#'], subscribe: ['good/#'], both: [], deny: [] }],
    });
    const publisher = await RawMqtt.connect(broker.mqttPort, 'dev');
    const publish = async (topic: string, messageId: number, retain = false) => {
      publisher.send(publishPacket(topic, topic, { messageId, retain }));
      await publisher.packets('puback', messageId);
    };
    await publish('good/kept', 1, true);
    const hub = new MemoryHub();
    const server = await testHub(hub);
    const agent = await testAgent({
      dataDir: temporaryDir(),
      hub: [server.url],
      subscribe: setting({ port: broker.mqttPort }, { filters }),
    });
    const alarm = (name: string) => agent.status().alarms.find((one) => one.name === name)?.message;
    return { agent, hub, publish, alarm, status: () => agent.status().subscriptions[0]! };
  };

  test('is named with its reason, and does not hold up the other filters', async () => {
    const { hub, publish, alarm, status } = await guarded(['good/#', 'bad/#']);
    await until('it is subscribed', () => status().state === 'subscribed');
    expect(alarm('subscription plant filters')).toMatch(
      /refuses the filter bad\/# \(Not authorized\); it is asked/,
    );
    await publish('good/live', 2);
    await until('both are at the hub', () => hub.values().length === 2);
    expect(hub.values()).toEqual(['good/kept', 'good/live']);
    expect(status().connections).toBe(1);
  });

  test('and grants none is tried again, and named', async () => {
    const { alarm } = await guarded(['bad/#']);
    await until('the alarm stands', () => alarm('subscription plant') !== undefined);
    expect(alarm('subscription plant')).toMatch(/: the broker refuses the filter bad\/# \(Not authorized\)$/);
  });
});

test('a certificate renewed before its key, or rubbish for one, does not end the agent: it is named and tried again', async () => {
  const dir = temporaryDir();
  const file = (name: string) => join(dir, name);
  for (const one of ['old', 'new']) {
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=gw'];
    const files = ['-keyout', file(`${one}.key`), '-out', file(`${one}.pem`)];
    execFileSync('openssl', ['req', '-x509', ...ec, ...files], { stdio: 'pipe' });
  }
  writeFileSync(file('rubbish.pem'), 'no certificate');
  const url = 'mqtts://127.0.0.1:9';
  const agent = await testAgent({
    dataDir: temporaryDir(),
    subscribe: subscriptionsSchema.parse([
      { url, filters: ['#'], name: 'half', cert: file('new.pem'), key: file('old.key') },
      { url, filters: ['#'], name: 'rubbish', cert: file('rubbish.pem'), key: file('old.key') },
    ]),
  });
  const [half, rubbish] = agent.status().subscriptions;
  expect(half).toMatchObject({ state: 'waiting', lastError: 'TLS: key values mismatch' });
  expect(rubbish!.lastError).toMatch(/^TLS: no start line/i);
  copyFileSync(file('new.key'), file('old.key'));
  const lastError = () => agent.status().subscriptions[0]!.lastError;
  await until('it is tried with the new key', () => lastError()!.includes('ECONNREFUSED'));
});

test('a broker that froze does not hold up the end of the agent', async () => {
  const broker = await mosquitto(temporaryDir());
  const { agent } = await subscribed(broker);
  void broker.kill('SIGSTOP');
  const stopping = agent.stop();
  await expect(
    Promise.race([
      stopping.then(() => 'stopped'),
      new Promise((resolve) => setTimeout(resolve, 60_000, 'hangs')),
    ]),
  ).resolves.toBe('stopped');
});
