import { execFile, execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { expect, onTestFinished, test } from 'vitest';
import { NO_HUB, temporaryDir, until } from '../../testing/fixture.ts';
import { type AgentProcess, startProcess } from '../../testing/process.ts';
import { connectPacket, publishPacket, RawMqtt } from '../../testing/raw-mqtt.ts';
import type { MqttStoreStatus } from './mqtt-store.ts';

const run = promisify(execFile);
const payloads = (packets: readonly Packet[]) =>
  packets.map((packet) => (packet as IPublishPacket).payload.toString());

/** Publishes numbered messages until the connection ends; answers how many were acknowledged. */
async function publishUntilCut(client: RawMqtt): Promise<number> {
  const acked = () => client.received.filter(({ cmd }) => cmd === 'puback').length;
  for (let next = 0; !client.isClosed; ) {
    while (next - acked() < 100 && next < 60_000) {
      client.send(publishPacket('load/1', `${next}`, { messageId: next + 1 }));
      next++;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return acked();
}

test('kill -9 under load: subscriptions, queues, retained messages and wills are there, and nothing that was acknowledged is missing', async () => {
  const dataDir = temporaryDir();
  const before = await startProcess({ dataDir, hub: NO_HUB });
  const at = ['-h', '127.0.0.1', '-p', `${before.mqttPort}`];
  await run('mosquitto_sub', [...at, '-c', '-i', 'nodered', '-q', '1', '-t', 'load/#', '-E']);
  await run('mosquitto_pub', [...at, '-q', '1', '-r', '-t', 'state/pump', '-m', 'on']);
  const will = { topic: 'gone/dev', payload: Buffer.from('!'), qos: 1 as const, retain: true };
  const dev = new RawMqtt(before.mqttPort);
  dev.send({ ...connectPacket('dev'), will } as Packet);
  await dev.packets('connack', 1);
  const publisher = await RawMqtt.connect(before.mqttPort, 'load');
  const publishing = publishUntilCut(publisher);
  await publisher.packets('puback', 1);
  await new Promise((resolve) => setTimeout(resolve, 500 * Math.random()));
  await before.kill('SIGKILL');
  const acked = await publishing;

  const after = await startProcess({ dataDir, hub: NO_HUB });
  const { stdout } = await run('mosquitto_sub', [
    ...['-h', '127.0.0.1', '-p', `${after.mqttPort}`],
    ...['-q', '1', '-t', 'state/#', '-C', '1', '-W', '60', '-v'],
  ]);
  expect(stdout).toBe('state/pump on\n');
  const subscriber = await RawMqtt.connect(after.mqttPort, 'nodered', false);
  expect(subscriber.received[0]).toMatchObject({ cmd: 'connack', sessionPresent: true });
  const publishes = () => subscriber.received.filter(({ cmd }) => cmd === 'publish');
  let answered = 0;
  await until('all that was acknowledged has come', () => {
    for (const { messageId } of publishes().slice(answered))
      subscriber.send({ cmd: 'puback', messageId: messageId! });
    answered = publishes().length;
    return answered >= acked;
  });
  expect(payloads(publishes())).toEqual(Array.from({ length: answered }, (_, n) => `${n}`));
});

test('a store that cannot grow any more does not stop ingest: an alarm says so, and all is acknowledged', async () => {
  const agent = await startProcess({
    dataDir: temporaryDir(),
    hub: NO_HUB,
    args: ['--segment-bytes', '1048576', '--max-message-bytes', '200000'],
    fileBlocksMax: 16_384,
  });
  const session = await RawMqtt.connect(agent.mqttPort, 'away', false);
  session.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 1 }] });
  await session.packets('suback', 1);
  session.send({ cmd: 'disconnect' });
  await session.closed();
  const publisher = await RawMqtt.connect(agent.mqttPort, 'load');
  const value = Buffer.alloc(100_000, 'x');
  for (let sent = 0; sent < 120; ) {
    publisher.send(publishPacket('t', value, { messageId: ++sent }));
    await publisher.packets('puback', sent);
  }
  const status = await statusOf(agent);
  expect(status.alarms.map(({ name }) => name)).toContain('mqtt store');
  expect(status.mqtt.store.onDisk).toBe(false);
  expect(status.streams[0]!.endOffset).toBe(120);
});

test('a disk that becomes full and has room again: the store recovers by itself, memory is bounded meanwhile, and what came then is there after kill -9', async (context) => {
  const dataDir = temporaryDir();
  const storeDir = join(dataDir, 'mqtt');
  await (await startProcess({ dataDir, hub: NO_HUB })).kill('SIGTERM');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', storeDir], { stdio: 'pipe' });
  } catch (error) {
    if (process.env.CI) throw error;
    return context.skip('mount is not permitted here');
  }
  onTestFinished(() => void execFileSync('umount', ['-l', storeDir]));
  const before = await startProcess({ dataDir, hub: NO_HUB });
  const storeOf = async () => (await statusOf(before)).mqtt.store;
  const session = await RawMqtt.connect(before.mqttPort, 'away', false);
  session.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 1 }] });
  await session.packets('suback', 1);
  session.send({ cmd: 'disconnect' });
  await session.closed();
  const filler = join(storeDir, 'filler');
  try {
    writeFileSync(filler, Buffer.alloc(2 ** 24));
  } catch {
    // The point: not a byte is free now.
  }
  const publisher = await RawMqtt.connect(before.mqttPort, 'load');
  let sent = 0;
  const publish = async (topic: string, value: string | Buffer, retain = false) => {
    publisher.send(publishPacket(topic, value, { messageId: ++sent, retain }));
    await publisher.packets('puback', sent);
  };
  const large = Buffer.alloc(200_000, 'x');
  while ((await storeOf()).list[0]!.dropped === 0) await publish('fill', large);
  const full = await storeOf();
  expect(full.onDisk).toBe(false);
  expect(full.queuedBytes).toBeLessThan(26 * 1024 * 1024);
  expect((await statusOf(before)).alarms).toMatchObject([{ name: 'mqtt store' }]);
  await publish('small', 'meanwhile', true);
  const { queuedMessages } = (await storeOf()).list[0]!;
  rmSync(filler);
  execFileSync('mount', ['-o', 'remount,size=64m', storeDir]);
  await untilAsync(async () => (await storeOf()).onDisk);
  expect((await statusOf(before)).alarms).toEqual([]);
  await publish('small', 'after');
  await before.kill('SIGKILL');

  const after = await startProcess({ dataDir, hub: NO_HUB });
  const { retained, list } = (await statusOf(after)).mqtt.store;
  expect(retained.messages).toBe(1);
  expect(list).toMatchObject([{ clientId: 'away', queuedMessages: queuedMessages + 1 }]);
});

interface Status {
  alarms: { name: string }[];
  mqtt: { store: MqttStoreStatus };
  streams: { endOffset: number }[];
}

async function statusOf({ httpPort }: AgentProcess): Promise<Status> {
  return (await (await fetch(`http://127.0.0.1:${httpPort}/status`)).json()) as Status;
}

/** Waits as long as the test may take. */
async function untilAsync(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 100));
}
