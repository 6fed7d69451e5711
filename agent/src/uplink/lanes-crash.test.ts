import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { iterateRecords } from '@edgelog/wire';
import { expect, test } from 'vitest';
import { temporaryDir, testHub } from '../testing/fixture.ts';
import { MemoryHub } from '../testing/memory-hub.ts';
import { startProcess } from '../testing/process.ts';
import { publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';

const ROUNDS = 1;
const BACKLOG = 2_000;

test('kill -9 while a backlog and fresh readings are under way: each is at the hub once, each run in order, no gap', async () => {
  const hub = new MemoryHub();
  const { url } = await testHub(hub);
  const dataDir = temporaryDir();
  const config = join(dataDir, 'agent.yaml');
  writeFileSync(config, 'topics: [{ topic: telemetry, lane: live-first }]\n');
  const start = (...args: string[]) =>
    startProcess({
      dataDir: join(dataDir, 'data'),
      hub: url,
      args: [
        '--config',
        config,
        '--compression',
        'none',
        '--batch-bytes',
        '16384',
        '--linger-ms',
        '10',
        ...args,
      ],
    });
  let next = 0;
  const publish = async (port: number, count: number) => {
    const client = await RawMqtt.connect(port, 'dev');
    const packets = Array.from({ length: count }, (_, i) =>
      publishPacket('t', `${next++}`.padEnd(200, '.'), { messageId: i + 1 }),
    );
    client.send(...packets);
    await client.packets('puback', count);
    client.socket.end();
  };
  const pause = (port: number, paused: boolean) =>
    fetch(`http://127.0.0.1:${port}/uplink`, {
      method: 'POST',
      body: JSON.stringify({ paused }),
      headers: { 'content-type': 'application/json' },
    });
  for (let round = 0; round < ROUNDS; round++) {
    const agent = await start('--uplink-max-bytes-per-second', '50000');
    await pause(agent.httpPort, true);
    await publish(agent.mqttPort, BACKLOG);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await pause(agent.httpPort, false);
    const before = hub.runs.size;
    // Once the uplink is up again they have a lane of their own, beside the backlog that takes seconds under the cap.
    do await publish(agent.mqttPort, 50);
    while (hub.runs.size < before + 2);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 600));
    await publish(agent.mqttPort, 50);
    await agent.kill('SIGKILL');
  }
  const last = await start();
  type Status = { streams: { lagRecords: number; endOffset: number }[]; alarms: unknown[] };
  const status = async () =>
    (await (await fetch(`http://127.0.0.1:${last.httpPort}/status`)).json()) as Status;
  for (let at = performance.now(); (await status()).streams[0]!.lagRecords > 0; ) {
    if (performance.now() - at > 60_000) throw new Error(`not drained: ${JSON.stringify(await status())}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect((await status()).alarms).toEqual([]);
  const runs = [...hub.runs.values()].map(({ batches }) =>
    batches.flatMap((batch) => [...iterateRecords(batch)]),
  );
  expect(runs.filter((records) => records.length > 0).length).toBeGreaterThan(1);
  for (const records of runs) {
    const offsets = records.map(({ offset }) => offset);
    expect(offsets).toEqual(offsets.map((_, i) => offsets[0]! + i));
  }
  const all = runs.flat().map(({ value }) => Number.parseInt(value!.toString(), 10));
  expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({ length: next }, (_, n) => n));
  expect(hub.gaps).toEqual([]);
});
