import { describe, expect, test } from 'vitest';
import { temporaryDir, testAgent, testHub, until } from './testing/fixture.ts';
import { MemoryHub } from './testing/memory-hub.ts';
import { publishPacket, RawMqtt } from './testing/raw-mqtt.ts';

const texts = (from: number, count: number) => Array.from({ length: count }, (_, i) => `reading ${from + i}`);

/** Publishes at QoS 1 and resolves when all are acknowledged. */
async function publish(port: number, values: readonly string[], clientId = 'dev'): Promise<void> {
  const client = await RawMqtt.connect(port, clientId);
  client.send(...values.map((value, i) => publishPacket(`plant/${clientId}`, value, { messageId: i + 1 })));
  await client.packets('puback', values.length);
  client.socket.end();
}

describe('from a device to the hub', () => {
  test('leaf never syncs what came in offline (NATS): what was published before and while a hub is there arrives once, in order, with key and headers', async () => {
    const hub = new MemoryHub();
    const server = await testHub(hub);
    const agent = await testAgent({ dataDir: temporaryDir(), hub: [server.url] });
    agent.setUplinkPaused(true);
    await publish(agent.mqttPort, texts(0, 990));
    await publish(agent.mqttPort, texts(990, 10));
    expect(agent.status().streams[0]).toMatchObject({
      topic: 'telemetry',
      endOffset: 1000,
      ackedOffset: 0,
      lagRecords: 1000,
    });
    agent.setUplinkPaused(false);
    // Nothing new comes that would take it along.
    await until(
      'what came in offline is acknowledged',
      () => agent.status().streams[0]!.ackedOffset === 1000,
    );
    await publish(agent.mqttPort, texts(1000, 1000));
    await until('all is acknowledged', () => agent.status().streams[0]!.ackedOffset === 2000);
    expect(hub.values()).toEqual(texts(0, 2000));
    const { key, headers } = hub.records()[0]!;
    expect(key!.toString()).toBe('plant/dev');
    expect(headers.map(({ key, value }) => [key, value!.toString()])).toEqual([
      ['edgelog.clock', 'untrusted'],
      ['edgelog.gateway', 'gw'],
      ['edgelog.source', 'mqtt:dev'],
    ]);
    expect(agent.status().streams[0]).toMatchObject({
      partition: 3,
      lagRecords: 0,
      lagBytes: 0,
      oldestUnackedMs: 0,
      uplink: 'flowing',
    });
  });

  test('queue in RAM, saved every 30 min (Mosquitto): an agent that restarts sends on where it stopped, the open tail included', async () => {
    const hub = new MemoryHub();
    const server = await testHub(hub);
    const dataDir = temporaryDir();
    const first = await testAgent({ dataDir, hub: [server.url] });
    await publish(first.mqttPort, texts(0, 100));
    await until('the first part is acknowledged', () => first.status().streams[0]!.ackedOffset === 100);
    first.setUplinkPaused(true);
    await publish(first.mqttPort, texts(100, 100));
    await first.stop();
    const second = await testAgent({ dataDir, hub: [server.url] });
    await publish(second.mqttPort, texts(200, 100));
    await until('all is acknowledged', () => second.status().streams[0]!.ackedOffset === 300);
    expect(hub.values()).toEqual(texts(0, 300));
    expect(hub.runs.size).toBe(1);
  });

  test('a hub that lost its newest data gets it again from the replay window', async () => {
    const hub = new MemoryHub();
    const agent = await testAgent({
      dataDir: temporaryDir(),
      hub: [(await testHub(hub)).url],
      batchBytes: 1024,
    });
    await publish(agent.mqttPort, texts(0, 500));
    await until('all is acknowledged', () => agent.status().streams[0]!.ackedOffset === 500);
    agent.setUplinkPaused(true);
    hub.truncate(2);
    expect(hub.values().length).toBeLessThan(500);
    agent.setUplinkPaused(false);
    await until('all is there again', () => hub.values().length === 500);
    expect(hub.values()).toEqual(texts(0, 500));
    expect(hub.runs.size).toBe(1);
  });

  test('a wiped hub gets a new run with all that is still here, and the gap of what is not', async () => {
    const hub = new MemoryHub();
    const agent = await testAgent({
      dataDir: temporaryDir(),
      hub: [(await testHub(hub)).url],
      batchBytes: 1024,
      replayBytes: 0,
    });
    await publish(agent.mqttPort, texts(0, 300));
    await until('the first part is acknowledged', () => agent.status().streams[0]!.ackedOffset === 300);
    agent.setUplinkPaused(true);
    await publish(agent.mqttPort, texts(300, 200));
    hub.runs.clear();
    agent.setUplinkPaused(false);
    await until('the rest is there', () => hub.values().length === 200);
    expect(hub.values()).toEqual(texts(300, 200));
    const [stream] = agent.status().streams;
    expect(stream!.run.firstOffset).toBe(300);
    await until('the gap is confirmed', () => agent.status().gaps.length === 0);
    expect(hub.gaps).toEqual([
      { logId: stream!.logId, topic: 'telemetry', from: 0, to: 300, reason: 'hub-lost-data' },
    ]);
    expect(agent.status().alarms.map(({ name }) => name)).toEqual(['diverged telemetry']);
  });
});
