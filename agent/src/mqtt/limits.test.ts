import { describe, expect, test } from 'vitest';
import type { RunningAgent } from '../agent.ts';
import { temporaryDir, testAgent, until } from '../testing/fixture.ts';
import { connectPacket, publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';

const endOffset = (agent: RunningAgent) => agent.status().streams[0]?.endOffset ?? 0;

describe('a client over its rate', () => {
  test.each([
    ['messages', { mqttMaxMessagesPerSecond: 200 }, 'x'],
    ['bytes', { mqttMaxBytesPerSecond: 20_000 }, 'x'.repeat(93)],
  ])('of %s waits in its socket and loses nothing; others do not wait', async (_, limits, value) => {
    const agent = await testAgent({ dataDir: temporaryDir(), ...limits });
    const greedy = await RawMqtt.connect(agent.mqttPort, 'greedy');
    const modest = await RawMqtt.connect(agent.mqttPort, 'modest');
    const from = performance.now();
    greedy.send(...Array.from({ length: 800 }, (_, i) => publishPacket('t', value, { messageId: i + 1 })));
    modest.send(publishPacket('t', 'x'));
    await modest.packets('puback', 1);
    expect(greedy.received.length).toBeLessThan(800);
    await greedy.packets('puback', 800);
    expect(performance.now() - from).toBeGreaterThan(300);
    expect(endOffset(agent)).toBe(801);
    expect(agent.status().mqtt.throttled).toBeGreaterThan(0);
  });
});

test('connections over the limit are closed, those there are go on, and one that leaves makes room', async () => {
  const agent = await testAgent({ dataDir: temporaryDir(), mqttMaxConnections: 2 });
  const [first] = await Promise.all(['a', 'b'].map((id) => RawMqtt.connect(agent.mqttPort, id)));
  const third = new RawMqtt(agent.mqttPort);
  third.send(connectPacket('c'));
  await third.closed();
  expect(third.received).toEqual([]);
  expect(agent.status().mqtt.connectionsRefused).toBe(1);
  first!.send(publishPacket('t', 'x'));
  await first!.packets('puback', 1);
  first!.socket.destroy();
  await until('there is room', () => agent.status().mqtt.clients === 1);
  await RawMqtt.connect(agent.mqttPort, 'c');
});

test('a client with a thousand messages unacknowledged is read no further until some are', async () => {
  const agent = await testAgent({ dataDir: temporaryDir() });
  const client = await RawMqtt.connect(agent.mqttPort, 'dev');
  client.send(...Array.from({ length: 5000 }, (_, i) => publishPacket('t', 'x', { messageId: i + 1 })));
  const acks = await client.packets('puback', 5000);
  expect(acks.map(({ messageId }) => messageId)).toEqual(acks.map((_, i) => i + 1));
  expect(endOffset(agent)).toBe(5000);
});
