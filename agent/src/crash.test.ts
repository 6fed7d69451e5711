import { expect, test } from 'vitest';
import { expectDelivered } from './testing/delivered.ts';
import { NO_HUB, temporaryDir, testHub } from './testing/fixture.ts';
import { MemoryHub } from './testing/memory-hub.ts';
import { startProcess } from './testing/process.ts';
import { publishPacket, RawMqtt } from './testing/raw-mqtt.ts';
import { drained, ExactlyOnceSender, publishUntilCut } from './testing/senders.ts';

const ROUNDS = Number(process.env.EDGELOG_CRASH_ROUNDS ?? 4);
const QOS2_ROUNDS = 2;
test(`kill -9 under load, ${ROUNDS} times: what was acknowledged is at the hub, in order, and nothing is doubled`, async () => {
  const hub = new MemoryHub();
  const server = await testHub(hub);
  const dataDir = temporaryDir();
  const acked = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    const agent = await startProcess({
      dataDir,
      hub: server.url,
      args: ['--linger-ms', '5', '--batch-bytes', '4096'],
    });
    const names = ['a', 'b', 'c'].map((name) => `${name}${round}`);
    const clients = await Promise.all(names.map((name) => RawMqtt.connect(agent.mqttPort, name)));
    const publishing = Promise.all(
      names.map(async (name, i) => acked.set(name, await publishUntilCut(clients[i]!, name))),
    );
    // A busy machine takes its time to begin.
    await Promise.all(clients.map((client) => client.packets('puback', 1)));
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 400));
    await agent.kill('SIGKILL');
    await publishing;
  }
  const last = await startProcess({ dataDir, hub: server.url });
  await drained(last.httpPort);
  expect(await last.kill('SIGTERM')).toBe(0);
  expect(hub.runs.size).toBe(1);

  expectDelivered(hub, acked, ROUNDS);
});

test.each([
  ['3.1.1', 4, 1500],
  ['5.0', 5, 800],
] as const)(
  'kill -9 in the midst of QoS 2 handshakes (MQTT %s): every message is at the hub exactly once',
  async (_, version, total) => {
    const hub = new MemoryHub();
    const server = await testHub(hub);
    const dataDir = temporaryDir();
    const sender = new ExactlyOnceSender(total, version);
    for (let round = 0; !sender.isDone; round++) {
      const agent = await startProcess({ dataDir, hub: server.url, args: ['--batch-bytes', '2048'] });
      const { mqttPort } = agent;
      let isKilled = false;
      const kill = setTimeout(
        () => {
          isKilled = true;
          void agent.kill('SIGKILL');
        },
        round < QOS2_ROUNDS ? 50 + Math.random() * 150 : 60_000,
      );
      while (!sender.isDone && !isKilled) await sender.run(mqttPort).catch(() => {});
      clearTimeout(kill);
      if (sender.isDone) await drained(agent.httpPort);
      await agent.kill('SIGKILL');
    }
    expect(
      hub
        .values()
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: total }, (_, n) => n));
  },
);

test('a data directory in use is named, and the agent that uses it goes on', async () => {
  const dataDir = temporaryDir();
  const agent = await startProcess({ dataDir, hub: NO_HUB });
  await expect(startProcess({ dataDir, hub: NO_HUB })).rejects.toThrow(dataDir);
  const client = await RawMqtt.connect(agent.mqttPort, 'dev');
  client.send(publishPacket('t', 'x'));
  await client.packets('puback', 1);
  expect(await agent.kill('SIGTERM')).toBe(0);
});
