import { generate, type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { RunningAgent } from '../agent.ts';
import { temporaryDir, testAgent, until } from '../testing/fixture.ts';
import { connectPacket, publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';

const MESSAGES = 1500;
const withWill = {
  ...connectPacket('dev'),
  will: { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false },
} as Packet;
const messages = Array.from({ length: MESSAGES }, (_, i) => publishPacket('t', `${i}`, { qos: 0 }));
const rate = { mqttMaxMessagesPerSecond: 1000 };

const endOffset = (agent: RunningAgent) => agent.status().streams[0]?.endOffset ?? 0;

/** Everything was taken, and nothing more: no will, which is for those who go without a word. */
async function expectAll(agent: RunningAgent): Promise<void> {
  await until('all is taken', () => endOffset(agent) >= MESSAGES);
  await until('the client has gone', () => agent.status().mqtt.clients === 0);
  const other = await RawMqtt.connect(agent.mqttPort, 'other');
  other.send(publishPacket('t', 'last'));
  await other.packets('puback', 1);
  expect(endOffset(agent)).toBe(MESSAGES + 1);
}

test('a client over its rate that says DISCONNECT and hangs up loses nothing that it sent, and its will is not published', async () => {
  const agent = await testAgent({ dataDir: temporaryDir(), ...rate });
  const client = new RawMqtt(agent.mqttPort);
  client.send(withWill);
  await client.packets('connack', 1);
  client.send(...messages, { cmd: 'disconnect' });
  client.socket.end();
  await expectAll(agent);
});

test('a client that sends all in one go, from CONNECT to DISCONNECT, and hangs up is heard to the end', async () => {
  const agent = await testAgent({ dataDir: temporaryDir() });
  const client = new RawMqtt(agent.mqttPort);
  client.send(withWill, ...messages, { cmd: 'disconnect' });
  client.socket.end();
  await expectAll(agent);
});

test('messages behind a SUBSCRIBE are taken though the client hangs up', async () => {
  const agent = await testAgent({ dataDir: temporaryDir() });
  const client = new RawMqtt(agent.mqttPort);
  client.send(withWill);
  await client.packets('connack', 1);
  const subscribe: Packet = { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'x', qos: 1 }] };
  client.send(subscribe, ...messages, { cmd: 'disconnect' });
  client.socket.end();
  await expectAll(agent);
});

test('over WebSocket too a client over its rate is heard to its DISCONNECT', async () => {
  const agent = await testAgent({ dataDir: temporaryDir(), mqttWs: '127.0.0.1:0', ...rate });
  const { port } = agent.status().mqtt.listeners.find(({ name }) => name === 'ws')!;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, 'mqtt');
  socket.on('open', () => socket.send(generate(withWill)));
  socket.once('message', () => {
    socket.send(Buffer.concat([...messages, { cmd: 'disconnect' } as Packet].map((one) => generate(one))));
    socket.close();
  });
  await expectAll(agent);
});
