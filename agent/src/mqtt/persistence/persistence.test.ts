import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryDir, until } from '../../testing/fixture.ts';
import { localBroker } from '../../testing/local-broker.ts';
import { connectPacket, RawMqtt } from '../../testing/raw-mqtt.ts';

const subscribe = (topic: string, qos: 0 | 1 | 2 = 1, messageId = 1): Packet => ({
  cmd: 'subscribe',
  messageId,
  subscriptions: [{ topic, qos }],
});
const puback = (messageId: number): Packet => ({ cmd: 'puback', messageId });
const ids = (packets: readonly Packet[]) => packets.map(({ messageId }) => messageId!);
const payloads = (packets: readonly Packet[]) =>
  packets.map((packet) => (packet as IPublishPacket).payload.toString());

/** A persistent session that is subscribed and away. */
async function sessionAway(port: number, clientId: string, filter: string, qos: 1 | 2 = 1): Promise<void> {
  const client = await RawMqtt.connect(port, clientId, false);
  client.send(subscribe(filter, qos));
  await client.packets('suback', 1);
  client.send({ cmd: 'disconnect' });
  await client.closed();
}

/** What a disk holds at this moment, as after kill -9. */
function crashed(dir: string): string {
  const copy = temporaryDir();
  cpSync(join(dir, 'mqtt'), join(copy, 'mqtt'), { recursive: true });
  return copy;
}

describe('after a crash', () => {
  test('a persistent session gets everything that was acknowledged, in order, and new messages behind it', async () => {
    const dir = temporaryDir();
    const before = await localBroker(dir);
    await sessionAway(before.port, 'nodered', 'plant/#');
    await Promise.all(Array.from({ length: 300 }, (_, n) => before.publish('plant/1', `${n}`)));
    const after = await localBroker(crashed(dir));
    const client = await RawMqtt.connect(after.port, 'nodered', false);
    expect(client.received[0]).toMatchObject({ cmd: 'connack', sessionPresent: true });
    const late = Array.from({ length: 20 }, (_, n) => after.publish('plant/2', `${300 + n}`));
    for (let acked = 0; acked < 320; ) {
      const got = await client.packets('publish', acked + 1);
      for (const id of ids(got.slice(acked))) client.send(puback(id));
      acked = got.length;
    }
    await Promise.all(late);
    expect(payloads(await client.packets('publish', 320))).toEqual(
      Array.from({ length: 320 }, (_, n) => `${n}`),
    );
    await until('all is acknowledged', () => after.store.status().queuedBytes === 0);
  });

  test('what was sent and not acknowledged is sent again under its packet id, marked', async () => {
    const dir = temporaryDir();
    const before = await localBroker(dir);
    const client = await RawMqtt.connect(before.port, 'a', false);
    client.send(subscribe('t', 1));
    await client.packets('suback', 1);
    await before.publish('t', 'one');
    await before.publish('t', 'two');
    const sent = await client.packets('publish', 2);
    const after = await localBroker(crashed(dir));
    const again = await RawMqtt.connect(after.port, 'a', false);
    const resent = await again.packets('publish', 2);
    expect(ids(resent)).toEqual(ids(sent));
    expect(payloads(resent)).toEqual(['one', 'two']);
    expect(resent).toMatchObject([{ dup: true }, { dup: true }]);
  });

  test('QoS 2: a subscriber that has said PUBREC gets PUBREL, not the message again', async () => {
    const dir = temporaryDir();
    const before = await localBroker(dir);
    const client = await RawMqtt.connect(before.port, 'a', false);
    client.send(subscribe('t', 2));
    await client.packets('suback', 1);
    await before.publish('t', 'one', { qos: 2 });
    await before.publish('t', 'two', { qos: 2 });
    const [one, two] = await client.packets('publish', 2);
    client.send({ cmd: 'pubrec', messageId: one!.messageId! });
    await client.packets('pubrel', 1);
    const after = await localBroker(crashed(dir));
    const again = await RawMqtt.connect(after.port, 'a', false);
    const [publish] = await again.packets('publish', 1);
    expect(publish).toMatchObject({ messageId: two!.messageId, qos: 2, dup: true });
    expect((await again.packets('pubrel', 1))[0]).toMatchObject({ messageId: one!.messageId });
    again.send({ cmd: 'pubcomp', messageId: one!.messageId! }, { cmd: 'pubrec', messageId: two!.messageId! });
    await again.packets('pubrel', 2);
    again.send({ cmd: 'pubcomp', messageId: two!.messageId! });
    await until('all is through', () => after.store.status().list[0]!.queuedMessages === 0);
  });

  test('retained messages are there, cleared ones are not, and a new subscriber gets them', async () => {
    const dir = temporaryDir();
    const before = await localBroker(dir);
    await before.publish('a/1', 'old', { retain: true });
    await before.publish('a/1', 'new', { retain: true });
    await before.publish('a/2', 'gone', { retain: true });
    await before.publish('a/2', '', { retain: true });
    await before.publish('b', 'other', { retain: true });
    const after = await localBroker(crashed(dir));
    expect(after.store.status().retained.messages).toBe(2);
    const client = await RawMqtt.connect(after.port, 'late');
    client.send(subscribe('a/#', 1));
    await until('a retained message', () => client.received.some(({ cmd }) => cmd === 'publish'));
    expect(payloads(await client.packets('publish', 1))).toEqual(['new']);
  });

  test('the will of a client that does not come back is published; that of one that does is not', async () => {
    const dir = temporaryDir();
    const before = await localBroker(dir);
    for (const id of ['gone', 'back']) {
      const client = new RawMqtt(before.port);
      const will = { topic: `state/${id}`, payload: Buffer.from('lost'), qos: 1 as const, retain: true };
      client.send({ ...connectPacket(id), will } as Packet);
      await client.packets('connack', 1);
    }
    const after = await localBroker(crashed(dir), { willGraceMs: 3_000 });
    await RawMqtt.connect(after.port, 'back');
    const watcher = await RawMqtt.connect(after.port, 'watcher');
    watcher.send(subscribe('state/#', 1));
    const [will] = await watcher.packets('publish', 1);
    expect(will).toMatchObject({ topic: 'state/gone', qos: 1 });
    await until('it is forgotten', () => after.store.status().wills === 0);
    expect(payloads(await watcher.packets('publish', 1))).toEqual(['lost']);
  });
});

test('a store that is no store is set aside with an alarm, and the broker works', async () => {
  const dir = temporaryDir();
  const first = await localBroker(dir);
  await first.publish('t', 'x', { retain: true });
  await first.stop();
  writeFileSync(join(dir, 'mqtt', 'store.lmdb'), Buffer.alloc(100_000, 7));
  const second = await localBroker(dir);
  expect(second.alarms.list()).toMatchObject([{ name: 'damaged mqtt store' }]);
  expect(second.alarms.list()[0]!.message).toContain('mqtt.damaged');
  second.alarms.acknowledge('damaged mqtt store');
  expect(second.alarms.list()).toEqual([]);
  await second.publish('t', 'y', { retain: true });
  expect(second.store.status()).toMatchObject({ onDisk: true, retained: { messages: 1 } });
});

test('a store that cannot be made keeps sessions in memory, with an alarm', async () => {
  const dir = temporaryDir();
  writeFileSync(join(dir, 'mqtt'), 'a file');
  writeFileSync(join(dir, 'mqtt.damaged'), 'another');
  const broker = await localBroker(join(dir, 'mqtt'));
  expect(broker.store.status().onDisk).toBe(false);
  await sessionAway(broker.port, 'a', '#');
  await broker.publish('t', 'x');
  const client = await RawMqtt.connect(broker.port, 'a', false);
  expect(payloads(await client.packets('publish', 1))).toEqual(['x']);
});

test('a clean start forgets what was queued', async () => {
  const broker = await localBroker(temporaryDir());
  await sessionAway(broker.port, 'a', '#');
  await broker.publish('t', 'x');
  const clean = await RawMqtt.connect(broker.port, 'a', true);
  expect(clean.received[0]).toMatchObject({ sessionPresent: false });
  expect(broker.store.status()).toMatchObject({ sessions: 0, queuedBytes: 0 });
});

test('a session that nobody fetches is bounded, its drops are counted, and expires in time the agent ran', async () => {
  const dir = temporaryDir();
  let monotonicMs = 0;
  const limits = { queue: { messages: 3, bytes: 10_000, allBytes: 20_000 } };
  const given = { limits, monotonicMs: () => monotonicMs, sessionExpirySeconds: 1000 };
  const broker = await localBroker(dir, given);
  await sessionAway(broker.port, 'a', '#');
  await until('it is away', () => broker.store.status().list[0]!.expiresInMs !== null);
  for (const payload of ['1', '2', '3', '4', '5']) await broker.publish('t', payload);
  expect(broker.dropped).toEqual(['a', 'a']);
  expect(broker.store.status().list).toMatchObject([{ queuedMessages: 3, dropped: 2 }]);
  monotonicMs = 999_000;
  broker.store.persistence.expire();
  await broker.stop();
  monotonicMs = 5;
  const later = await localBroker(dir, given);
  expect(later.store.status().list).toMatchObject([{ queuedMessages: 3, expiresInMs: 1000 }]);
  monotonicMs = 1005;
  later.store.persistence.expire();
  expect(later.store.status()).toMatchObject({ sessions: 0, queuedBytes: 0 });
});

test('a subscriber of QoS 1 gets at QoS 1 what was published at 2, whatever its filter', async () => {
  const broker = await localBroker(temporaryDir());
  await sessionAway(broker.port, 'a', 'x/+');
  await broker.publish('x/1', 'm', { qos: 2 });
  const client = await RawMqtt.connect(broker.port, 'a', false);
  expect((await client.packets('publish', 1))[0]).toMatchObject({ qos: 1 });
});

test('no more than a window is in flight, and a slow subscriber costs no memory', async () => {
  const broker = await localBroker(temporaryDir());
  await sessionAway(broker.port, 'a', '#');
  await Promise.all(Array.from({ length: 1000 }, (_, n) => broker.publish('t', `${n}`)));
  const client = await RawMqtt.connect(broker.port, 'a', false);
  const first = await client.packets('publish', 100);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await client.packets('publish', 100)).length).toBe(100);
  client.send(...ids(first).map(puback));
  await client.packets('publish', 200);
});

test('a queue of messages that have all expired is passed over a little at a time: ingest goes on meanwhile', async () => {
  let now = 1_000_000;
  const broker = await localBroker(temporaryDir(), { now: () => now });
  await sessionAway(broker.port, 'a', '#');
  const given = { messageExpiry: now + 1000 };
  await Promise.all(Array.from({ length: 3000 }, () => broker.publish('t', 'x', given)));
  now += 10_000;
  const client = await RawMqtt.connect(broker.port, 'a', false);
  const steps = new Set<number>();
  while (!steps.has(0)) {
    steps.add(broker.store.status().list[0]!.queuedMessages);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(steps.size).toBeGreaterThan(5);
  expect(client.received.filter(({ cmd }) => cmd === 'publish')).toEqual([]);
});

test('a clean start after thousands of queued messages leaves none of them, over a restart too', async () => {
  const dir = temporaryDir();
  const broker = await localBroker(dir);
  await sessionAway(broker.port, 'a', '#');
  await Promise.all(Array.from({ length: 2000 }, () => broker.publish('t', 'x')));
  const unwritten = broker.publish('t', 'y');
  const client = await RawMqtt.connect(broker.port, 'a', true);
  await unwritten;
  client.socket.destroy();
  await broker.stop();
  const later = await localBroker(dir);
  expect(later.store.status()).toMatchObject({ sessions: 0, queuedBytes: 0 });
});

test('a SUBSCRIBE with a thousand filters costs a row, and is there after a crash; what was refused of it is not', async () => {
  const dir = temporaryDir();
  const broker = await localBroker(dir, {}, (topic) => topic !== 't/7');
  const client = await RawMqtt.connect(broker.port, 'a', false);
  const subscriptions = Array.from({ length: 1000 }, (_, n) => ({ topic: `t/${n}`, qos: 1 as const }));
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions });
  await client.packets('suback', 1);
  const after = await localBroker(crashed(dir));
  expect(after.store.status().list).toMatchObject([{ clientId: 'a', subscriptions: 999 }]);
  await after.publish('t/7', 'x');
  await after.publish('t/8', 'x');
  expect(after.store.status().list).toMatchObject([{ queuedMessages: 1 }]);
});

test('a disk that is full at the start costs no session and no retained message: they are there when it has room', async (context) => {
  const mounted = temporaryDir();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mounted], { stdio: 'pipe' });
  } catch (error) {
    if (process.env.CI) throw error;
    return context.skip('mount is not permitted here');
  }
  onTestFinished(() => void execFileSync('umount', ['-l', mounted]));
  const dir = join(mounted, 'data');
  mkdirSync(dir);
  const before = await localBroker(dir);
  await before.publish('state', 'on', { retain: true });
  await before.stop();
  const filler = join(mounted, 'filler');
  try {
    writeFileSync(filler, Buffer.alloc(2 ** 24));
  } catch {
    // The point: not a byte is free now.
  }
  for (let start = 0; start < 4; start++) {
    const full = await localBroker(dir);
    expect(full.alarms.list()).toMatchObject([{ name: 'mqtt store' }]);
    await full.stop();
  }
  expect(readdirSync(dir)).toEqual(['mqtt']);
  rmSync(filler);
  const after = await localBroker(dir);
  expect(after.store.status()).toMatchObject({ onDisk: true, retained: { messages: 1 } });
});
