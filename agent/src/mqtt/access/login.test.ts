import { execFile } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import type { IConnackPacket, Packet } from 'mqtt-packet';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunningAgent } from '../../agent.ts';
import { temporaryDir, testAgent, until } from '../../testing/fixture.ts';
import { connectPacket, RawMqtt } from '../../testing/raw-mqtt.ts';
import { aclSchema } from './acl-rules.ts';
import { hashPassword } from './password-hash.ts';

const acl = aclSchema.parse([
  { user: 'meter-*', publish: ['meters/%u/#'], subscribe: ['commands/%u'] },
  { user: 'desk', subscribe: ['meters/#'], both: ['commands/+'] },
]);

async function usersFile(...users: string[]): Promise<string> {
  const path = join(temporaryDir(), 'users');
  const lines = await Promise.all(users.map(async (user) => `${user}:${await hashPassword(`${user}!`)}\n`));
  writeFileSync(path, lines.join(''));
  return path;
}

const startAgent = async (given: Partial<Parameters<typeof testAgent>[0]> = {}) =>
  testAgent({ dataDir: temporaryDir(), mqttUsers: await usersFile('meter-7', 'desk'), ...given });

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

function mosquitto(program: 'pub' | 'sub', agent: RunningAgent, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const all = ['-h', '127.0.0.1', '-p', String(agent.mqttPort), ...args];
    execFile(`mosquitto_${program}`, all, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

function open(agent: RunningAgent, user: string, options: IClientOptions = {}): MqttClient {
  const client = mqtt.connect(`mqtt://127.0.0.1:${agent.mqttPort}`, {
    username: user,
    password: `${user}!`,
    reconnectPeriod: 0,
    clientId: `client-${user}`,
    ...options,
  });
  onTestFinished(() => void client.end(true));
  client.on('error', () => {});
  return client;
}

async function connected(
  agent: RunningAgent,
  user: string,
  options: IClientOptions = {},
): Promise<MqttClient> {
  const client = open(agent, user, options);
  await heard(client, 'connect');
  return client;
}

const heard = (client: MqttClient, event: 'connect' | 'close') =>
  new Promise<void>((resolve) => client.once(event, () => resolve()));

async function refusal(
  agent: RunningAgent,
  user: string,
  options: IClientOptions,
): Promise<number | undefined> {
  const client = open(agent, user, options);
  return new Promise((resolve) => client.on('error', (error) => resolve((error as { code?: number }).code)));
}

describe('logging in', () => {
  test('mosquitto_pub with its password is let in; without one, or with another, it is not', async () => {
    const agent = await startAgent();
    const message = ['-t', 'a', '-m', 'x', '-q', '1'];
    expect((await mosquitto('pub', agent, '-u', 'meter-7', '-P', 'meter-7!', ...message)).code).toBe(0);
    expect((await mosquitto('pub', agent, '-u', 'meter-7', '-P', 'guess', ...message)).stderr).toMatch(
      /refused/i,
    );
    expect((await mosquitto('pub', agent, ...message)).stderr).toMatch(/refused|not authori/i);
    expect(agent.status().streams[0]!.endOffset).toBe(1);
    expect(agent.status().mqtt.access).toEqual({ users: 2, rules: null, failedLogins: 2 });
  });

  test.each([
    [4, 4],
    [5, 0x86],
  ] as const)('MQTT %i: a wrong password is answered with %i', async (protocolVersion, code) => {
    const agent = await startAgent();
    expect(await refusal(agent, 'desk', { protocolVersion, password: 'guess' })).toBe(code);
  });

  test.each([
    [4, 2],
    [5, 0x85],
  ] as const)(
    "MQTT %i: another user's client id is refused with %i, connected or away, over restarts, with clean start too",
    async (protocolVersion, code) => {
      const settings = { dataDir: temporaryDir(), mqttUsers: await usersFile('meter-7', 'desk') };
      const properties = protocolVersion === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {};
      const session = { protocolVersion, clientId: 'shared', clean: false, ...properties };
      const agent = await startAgent(settings);
      const owner = await connected(agent, 'meter-7', session);
      await owner.subscribeAsync('commands/meter-7', { qos: 1 });
      expect(await refusal(agent, 'desk', session)).toBe(code);
      expect(owner.connected).toBe(true);
      expect(agent.status().alarms).toEqual([]);
      await owner.endAsync();
      expect(await refusal(agent, 'desk', { ...session, clean: true })).toBe(code);
      await agent.stop();

      const again = await startAgent(settings);
      expect(await refusal(again, 'desk', session)).toBe(code);
      const sender = await connected(again, 'desk');
      await sender.publishAsync('commands/meter-7', 'stop', { qos: 1 });
      const back = open(again, 'meter-7', session);
      const payload = new Promise((resolve) => back.once('message', (_topic, bytes) => resolve(`${bytes}`)));
      expect(await payload).toBe('stop');
    },
  );

  test("a client id is free again when its user's connection had no session", async () => {
    const agent = await startAgent();
    const first = await connected(agent, 'meter-7', { clientId: 'shared' });
    expect(await refusal(agent, 'desk', { clientId: 'shared', protocolVersion: 4 })).toBe(2);
    await first.endAsync();
    await until('it has left', () => agent.status().mqtt.clients === 0);
    await connected(agent, 'desk', { clientId: 'shared' });
  });

  test('two users who come with the same client id at once: the first is let in, and stays', async () => {
    const agent = await startAgent();
    for (const user of ['meter-7', 'desk']) await (await connected(agent, user)).endAsync();
    const come = (user: string) => {
      const client = new RawMqtt(agent.mqttPort);
      const password = Buffer.from(`${user}!`);
      client.send({ ...connectPacket('shared', false), username: user, password } as Packet);
      return client;
    };
    const codes = await Promise.all(
      ['meter-7', 'desk'].map(async (user) => {
        const [connack] = await come(user).packets('connack', 1);
        return (connack as { returnCode?: number }).returnCode;
      }),
    );
    expect(codes.toSorted()).toEqual([0, 2]);
    expect(agent.status().mqtt.clients).toBe(1);
    expect(agent.status().alarms).toEqual([]);
  });

  test('the client id of a user who was removed is free, and his session is gone', async () => {
    const mqttUsers = await usersFile('meter-7', 'desk');
    const agent = await startAgent({ mqttUsers });
    const session = { clientId: 'shared', clean: false, protocolVersion: 4 as const };
    const owner = await connected(agent, 'meter-7', session);
    await owner.subscribeAsync('commands/#', { qos: 1 });
    const gone = heard(owner, 'close');
    writeFileSync(mqttUsers, `desk:${await hashPassword('desk!')}\n`);
    await gone;
    const next = open(agent, 'desk', session);
    const { sessionPresent } = await new Promise<IConnackPacket>((resolve) => next.once('connect', resolve));
    expect(sessionPresent).toBe(false);
    expect(await refusal(agent, 'meter-7', session)).toBe(4);
  });

  test('when all devices come back at once, ingest goes on: each password is hashed once', async () => {
    const agent = await startAgent();
    const beforeDevice = process.cpuUsage();
    const device = await connected(agent, 'meter-7');
    const hashed = process.cpuUsage(beforeDevice).user;
    const beforeStorm = process.cpuUsage();
    const storm = Array.from({ length: 60 }, (_, i) => connected(agent, 'desk', { clientId: `desk-${i}` }));
    await device.publishAsync('still', 'taken', { qos: 1 });
    await Promise.all(storm);
    expect(process.cpuUsage(beforeStorm).user).toBeLessThan(30 * hashed);
    expect(agent.status().mqtt.clients).toBe(61);
  });

  test('a user who is removed from the file is disconnected, one who is added may come, and a wrong file changes nothing', async () => {
    const mqttUsers = await usersFile('meter-7', 'desk');
    const agent = await startAgent({ mqttUsers });
    const [meter, desk] = [await connected(agent, 'meter-7'), await connected(agent, 'desk')];
    writeFileSync(mqttUsers, 'nonsense');
    await until('the alarm is raised', () =>
      agent.status().alarms.some(({ name }) => name === 'mqtt access'),
    );
    expect(agent.status().alarms[0]!.message).toMatch(/users:1: expected USER:HASH/);
    expect([meter.connected, desk.connected]).toEqual([true, true]);

    const gone = heard(desk, 'close');
    writeFileSync(
      mqttUsers,
      `new:${await hashPassword('new!')}\nmeter-7:${await hashPassword('meter-7!')}\n`,
    );
    await gone;
    await connected(agent, 'new');
    expect(agent.status().alarms).toEqual([]);
    expect(await refusal(agent, 'desk', {})).toBe(4);
  });
});

describe('rules', () => {
  test('MQTT 3.1.1: a publish that is not allowed ends the connection and is not stored', async () => {
    const agent = await startAgent({ acl });
    const meter = await connected(agent, 'meter-7');
    await meter.publishAsync('meters/meter-7/temp', '21', { qos: 1 });
    const closed = heard(meter, 'close');
    meter.publish('meters/meter-8/temp', '21', { qos: 1 });
    await closed;
    expect(agent.status().streams[0]!.endOffset).toBe(1);
  });

  test('MQTT 5: it is answered with 0x87, and the connection stays', async () => {
    const agent = await startAgent({ acl });
    const meter = await connected(agent, 'meter-7', { protocolVersion: 5 });
    await expect(meter.publishAsync('meters/meter-8/temp', '21', { qos: 1 })).rejects.toMatchObject({
      code: 0x87,
    });
    await meter.publishAsync('meters/meter-7/temp', '21', { qos: 2 });
    expect(meter.connected).toBe(true);
  });

  test('a subscription that is not allowed is refused, a wider one gives what is allowed of it, retained messages too', async () => {
    const agent = await startAgent({ acl });
    const desk = await connected(agent, 'desk');
    await desk.publishAsync('commands/meter-7', 'go', { qos: 1, retain: true });
    await desk.publishAsync('commands/meter-8', 'stop', { qos: 1, retain: true });
    const meter = await connected(agent, 'meter-7', { protocolVersion: 5 });
    const received: string[] = [];
    meter.on('message', (topic) => received.push(topic));
    await expect(meter.subscribeAsync('commands/meter-8')).rejects.toMatchObject({
      message: expect.stringMatching(/not authorized/i),
    });
    await meter.subscribeAsync('#', { qos: 1 });
    await until('the retained one is there', () => received.length === 1);
    await desk.publishAsync('commands/meter-8', 'again', { qos: 1 });
    await desk.publishAsync('commands/meter-7', 'again', { qos: 1 });
    await until('the next one is there', () => received.length === 2);
    expect(received).toEqual(['commands/meter-7', 'commands/meter-7']);
  });

  test.each([
    [4, 5],
    [5, 0x87],
  ] as const)(
    'MQTT %i: a last will on a topic that is not allowed refuses the connection with %i',
    async (protocolVersion, code) => {
      const agent = await startAgent({ acl });
      const will = {
        topic: 'meters/meter-8/state',
        payload: Buffer.from('gone'),
        qos: 1 as const,
        retain: false,
      };
      expect(await refusal(agent, 'meter-7', { protocolVersion, will })).toBe(code);
    },
  );

  test('rules in a file of Mosquitto are taken anew when it changes', async () => {
    const mqttAcl = join(temporaryDir(), 'acl');
    writeFileSync(mqttAcl, 'user meter-7\ntopic write a\n');
    const agent = await startAgent({ mqttAcl });
    const meter = await connected(agent, 'meter-7', { protocolVersion: 5 });
    await meter.publishAsync('a', '1', { qos: 1 });
    await expect(meter.publishAsync('b', '1', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
    writeFileSync(mqttAcl, 'user meter-7\ntopic write b\n');
    const again = setInterval(() => meter.publish('b', '1', { qos: 1 }, () => {}), 100);
    onTestFinished(() => clearInterval(again));
    await until('the new rules stand', () => agent.status().streams[0]!.endOffset > 1);
    await expect(meter.publishAsync('a', '1', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
  });
});

test('with rules too, the will of a device that was connected at a crash is taken', async () => {
  const dataDir = temporaryDir();
  const rules = { acl: aclSchema.parse([{ publish: ['gone/#'] }]) };
  const before = await testAgent({ dataDir, ...rules });
  const device = new RawMqtt(before.mqttPort);
  const will = { topic: 'gone/dev', payload: Buffer.from('!'), qos: 1 as const, retain: false };
  device.send({ ...connectPacket('dev'), will } as Packet);
  await device.packets('connack', 1);
  const crashed = temporaryDir();
  cpSync(dataDir, crashed, { recursive: true });
  const after = await testAgent({ dataDir: crashed, ...rules }, { willGraceMs: 100 });
  await until('the will is in the log', () => after.status().streams[0]?.endOffset === 1);
});

test('after a crash nobody but its user cancels the pending will of a device by coming with its client id', async () => {
  const settings = { dataDir: temporaryDir(), mqttUsers: await usersFile('meter-7', 'desk') };
  const before = await testAgent(settings);
  const will = { topic: 'gone/dev', payload: Buffer.from('!'), qos: 1 as const, retain: false };
  await connected(before, 'meter-7', { clientId: 'dev', will });
  const crashed = temporaryDir();
  cpSync(settings.dataDir, crashed, { recursive: true });
  const after = await testAgent({ ...settings, dataDir: crashed }, { willGraceMs: 600_000 });
  expect(await refusal(after, 'desk', { clientId: 'dev', protocolVersion: 5 })).toBe(0x85);
  expect(after.status().mqtt.store.wills).toBe(1);
  await connected(after, 'meter-7', { clientId: 'dev' });
  expect(after.status().mqtt.store.wills).toBe(0);
  await connected(after, 'desk', { clientId: 'another' });
});

test('the will of a device that is connected when the agent stops is taken once, not again after the start', async () => {
  const dataDir = temporaryDir();
  const before = await testAgent({ dataDir });
  const device = new RawMqtt(before.mqttPort);
  const will = { topic: 'gone/dev', payload: Buffer.from('!'), qos: 1 as const, retain: false };
  device.send({ ...connectPacket('dev'), will } as Packet);
  await device.packets('connack', 1);
  await before.stop();
  const after = await testAgent({ dataDir }, { willGraceMs: 50 });
  expect(after.status().mqtt.store.wills).toBe(0);
  expect(after.status().streams[0]).toMatchObject({ endOffset: 1 });
});
