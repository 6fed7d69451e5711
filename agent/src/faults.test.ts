import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { RunningAgent } from './agent.ts';
import { fillDisk } from './testing/fill-disk.ts';
import { NO_HUB, temporaryDir, testAgent, testHub, until } from './testing/fixture.ts';
import { MemoryHub } from './testing/memory-hub.ts';
import { startProcess } from './testing/process.ts';
import { publishPacket, RawMqtt } from './testing/raw-mqtt.ts';

const MIB = 2 ** 20;

async function publish(agent: RunningAgent, values: readonly (string | Buffer)[]): Promise<void> {
  const client = await RawMqtt.connect(agent.mqttPort, 'dev');
  client.send(...values.map((value, i) => publishPacket('t', value, { messageId: i + 1 })));
  await client.packets('puback', values.length);
  client.socket.end();
}

const http = (agent: RunningAgent, path: string, init?: RequestInit) =>
  fetch(`http://127.0.0.1:${agent.httpPort}${path}`, init);
const post = (agent: RunningAgent, body: string) =>
  http(agent, '/uplink', { method: 'POST', body, headers: { 'content-type': 'application/json' } });

describe('a disk budget that is used up', () => {
  test('refuses devices and says so; when a hub has taken the data they are welcome again', async () => {
    const hub = new MemoryHub();
    const agent = await testAgent({
      dataDir: temporaryDir(),
      hub: [(await testHub(hub)).url],
      maxDiskBytes: 16 * MIB,
      compression: 'none',
    });
    agent.setUplinkPaused(true);
    const value = Buffer.alloc(50_000, 'x');
    const isTaken = (): Promise<boolean> =>
      publish(agent, [value]).then(
        () => true,
        () => false,
      );
    const taken = await fillDisk(isTaken);
    expect(agent.status().disk.isFull).toBe(true);
    expect(agent.status().disk.usedBytes).toBeLessThan(16 * MIB);
    await expect(publish(agent, [value])).rejects.toThrow('closed after 0 puback');
    expect((await http(agent, '/healthz')).status).toBe(503);
    expect(agent.status().alarms.map(({ name }) => name)).toEqual(['disk full']);
    agent.setUplinkPaused(false);
    await until('the disk has room again', () => !agent.status().disk.isFull);
    while (!(await isTaken())) await delay(100);
    await until('all is acknowledged', () => agent.status().streams[0]!.lagRecords === 0);
    expect(hub.records()).toHaveLength(taken + 1);
    await until('nobody is alarmed any more', () => agent.status().alarms.length === 0);
    expect((await http(agent, '/healthz')).status).toBe(200);
  });
});

describe('an agent restored from an older copy', () => {
  test('opens a new run beside what the hub holds: nothing new is lost, nothing overwritten', async () => {
    const hub = new MemoryHub();
    const { url } = await testHub(hub);
    const [dir, backup] = [temporaryDir(), temporaryDir()];
    const first = await testAgent({ dataDir: join(dir, 'data'), hub: [url] });
    await publish(first, ['a', 'b']);
    await until('all is acknowledged', () => first.status().streams[0]!.ackedOffset === 2);
    await first.stop();
    cpSync(join(dir, 'data'), join(backup, 'data'), { recursive: true });
    const second = await testAgent({ dataDir: join(dir, 'data'), hub: [url] });
    await publish(second, ['c', 'd', 'e']);
    await until('all is acknowledged', () => second.status().streams[0]!.ackedOffset === 5);
    await second.stop();

    const restored = await testAgent({ dataDir: join(backup, 'data'), hub: [url] });
    await publish(restored, ['C', 'D']);
    await until('all is acknowledged', () => restored.status().streams[0]!.lagRecords === 0);
    expect(hub.values()).toEqual(['a', 'b', 'c', 'd', 'e', 'C', 'D']);
    expect(hub.runs.size).toBe(2);
    // The one before is only compared with the hub: nobody waits for it.
    expect(restored.status().streams[0]!.lanes.map(({ isBacklog }) => isBacklog)).toEqual([false]);
    expect(restored.status().alarms[0]!.message).toMatch(
      /restored backup or a clone; a new run begins at offset 2/,
    );
  });
});

describe('a store that fails', () => {
  test('refuses everything, ends the process with one line, and has all that was acknowledged afterwards', async () => {
    const dataDir = temporaryDir();
    // The kernel refuses to let any file grow beyond this: an I/O error like another.
    const agent = await startProcess({
      dataDir,
      hub: NO_HUB,
      fileBlocksMax: 2000,
      args: ['--compression', 'none'],
    });
    const client = await RawMqtt.connect(agent.mqttPort, 'dev');
    const value = Buffer.alloc(10_000, 'x');
    let acked = 0;
    while (!client.isClosed && acked < 5000) {
      client.send(publishPacket('t', value, { messageId: acked + 1 }));
      await client.packets('puback', acked + 1).then(
        () => acked++,
        () => {},
      );
    }
    expect(await agent.exited).toBe(1);
    expect(agent.stderr()).toMatch(/^edgelog: STORE_FAILED: .*$/m);
    expect(acked).toBeGreaterThan(10);
    const restarted = await testAgent({ dataDir });
    expect(restarted.status().streams[0]!.endOffset).toBeGreaterThanOrEqual(acked);
  });
});

describe('operations over HTTP', () => {
  test('the uplink can be cut and restored', async () => {
    const agent = await testAgent({ dataDir: temporaryDir() });
    expect(await (await post(agent, '{"paused":true}')).json()).toEqual({ paused: true });
    expect(agent.status().uplink.state).toBe('paused');
    await post(agent, '{"paused":false}');
    expect(agent.status().uplink.state).not.toBe('paused');
  });

  test.each(['{"paused":"yes"}', '{"pause":true}', '[]', ''])(
    'POST /uplink %s is refused with what is expected',
    async (body) => {
      const agent = await testAgent({ dataDir: temporaryDir() });
      const response = await post(agent, body);
      expect(response.status).toBe(400);
      expect(((await response.json()) as { error: string }).error).toContain('"paused"');
    },
  );

  test('/metrics counts messages, bytes and commits', async () => {
    const agent = await testAgent({ dataDir: temporaryDir() });
    await publish(agent, ['a', 'b']);
    const text = await (await http(agent, '/metrics')).text();
    expect(text).toMatch(/^edgelog_mqtt_messages_total\{qos="1"\} 2$/m);
    expect(text).toMatch(/^edgelog_stream_end_offset\{topic="telemetry"\} 2$/m);
    expect(text).toMatch(/^edgelog_log_commits_total [1-9]/m);
    expect(text).toMatch(/^edgelog_durable_seconds_count [1-9]/m);
  });
});

test('ports in use are named with the setting, and nothing stays behind', async () => {
  const agent = await testAgent({ dataDir: temporaryDir() });
  const dataDir = temporaryDir();
  await expect(testAgent({ dataDir, mqtt: `127.0.0.1:${agent.mqttPort}` })).rejects.toThrow(
    /--mqtt .* in use/,
  );
  await expect(testAgent({ dataDir, http: `127.0.0.1:${agent.httpPort}` })).rejects.toThrow(
    /--http .* in use/,
  );
  await testAgent({ dataDir });
});
