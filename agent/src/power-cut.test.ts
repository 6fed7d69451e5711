import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cuttableDisk } from './testing/cuttable-disk.ts';
import { expectDelivered } from './testing/delivered.ts';
import { testHub } from './testing/fixture.ts';
import { MemoryHub } from './testing/memory-hub.ts';
import { startProcess } from './testing/process.ts';
import { RawMqtt } from './testing/raw-mqtt.ts';
import { drained, ExactlyOnceSender, publishUntilCut } from './testing/senders.ts';

const ROUNDS = 4;
const EXACTLY_ONCE = 3000;

test(`queue in RAM, saved every 30 min (Mosquitto): the power is cut under load, ${ROUNDS} times: what was acknowledged is there, in order, and of QoS 2 exactly once`, async (context) => {
  const disk = cuttableDisk();
  if ('refused' in disk) {
    if (process.env.CI) throw new Error(`no disk to cut the power of: ${disk.refused}`);
    return context.skip(`no disk to cut the power of: ${disk.refused}`);
  }
  const hub = new MemoryHub();
  const server = await testHub(hub);
  const dataDir = join(disk.dir, 'log');
  const sizes = ['--max-disk-bytes', '25165824', '--batch-bytes', '4096'];
  const acked = new Map<string, number>();
  const sender = new ExactlyOnceSender(EXACTLY_ONCE, 4);
  for (let round = 0; round < ROUNDS; round++) {
    const agent = await startProcess({ dataDir, hub: server.url, args: sizes });
    const { mqttPort } = agent;
    const names = ['a', 'b'].map((name) => `${name}${round}`);
    const clients = await Promise.all(names.map((name) => RawMqtt.connect(mqttPort, name)));
    let isCut = false;
    const exactlyOnce = async (): Promise<void> => {
      while (!isCut && !sender.isDone) await sender.run(mqttPort).catch(() => {});
    };
    const publishing = Promise.all([
      exactlyOnce(),
      ...names.map(async (name, i) => acked.set(name, await publishUntilCut(clients[i]!, name))),
    ]);
    // A busy machine takes its time to begin, and the first commits make the journal's files.
    await Promise.all(clients.map((client) => client.packets('puback', 1)));
    await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 1000));
    disk.cut();
    isCut = true;
    await agent.kill('SIGKILL');
    await publishing;
    disk.restore();
  }
  const last = await startProcess({ dataDir, hub: server.url, args: sizes });
  while (!sender.isDone) await sender.run(last.mqttPort).catch(() => {});
  await drained(last.httpPort);
  expect(await last.kill('SIGTERM')).toBe(0);

  const stored = expectDelivered(hub, acked, ROUNDS);
  expect(stored.get('meter')!.toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: EXACTLY_ONCE }, (_, n) => n),
  );
});
