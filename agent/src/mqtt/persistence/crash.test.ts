import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { NO_HUB, temporaryDir, until } from '../../testing/fixture.ts';
import { startProcess } from '../../testing/process.ts';
import { connectPacket, publishPacket, RawMqtt } from '../../testing/raw-mqtt.ts';

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
  const status = (await (await fetch(`http://127.0.0.1:${agent.httpPort}/status`)).json()) as {
    alarms: { name: string }[];
    mqtt: { store: { onDisk: boolean } };
    streams: { endOffset: number }[];
  };
  expect(status.alarms.map(({ name }) => name)).toContain('mqtt store');
  expect(status.mqtt.store.onDisk).toBe(false);
  expect(status.streams[0]!.endOffset).toBe(120);
});
