import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { HubAppend } from '@edgelog/sync';
import { iterateRecords } from '@edgelog/wire';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunningAgent } from '../agent.ts';
import { temporaryDir, testAgent, testHub, until } from '../testing/fixture.ts';
import { MemoryHub } from '../testing/memory-hub.ts';
import { publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';

const IMPATIENT = { backoffMinMs: 10, backoffMaxMs: 50 };

async function publish(agent: RunningAgent, values: readonly (string | Buffer)[]): Promise<void> {
  const client = await RawMqtt.connect(agent.mqttPort, 'dev');
  client.send(...values.map((value, i) => publishPacket('t', value, { messageId: (i % 60_000) + 1 })));
  await client.packets('puback', values.length);
  client.socket.end();
}

const numbered = (from: number, count: number, bytes: number) =>
  Array.from({ length: count }, (_, i) => `${from + i}`.padEnd(bytes, '.'));
const numbersAt = (hub: MemoryHub) => hub.values().map((value) => Number.parseInt(value, 10));

describe('a backlog', () => {
  test('a million-message backlog blocks live data (IoT Edge): fresh readings arrive beside it within seconds, and it arrives complete', async () => {
    const hub = new MemoryHub();
    const agent = await testAgent({
      dataDir: temporaryDir(),
      hub: [(await testHub(hub)).url],
      compression: 'none',
      batchBytes: 16 * 1024,
      uplinkMaxBytesPerSecond: 150_000,
      topics: [{ topic: 'telemetry', lane: 'live-first', priority: 0, whenFull: 'reject' }],
    });
    agent.setUplinkPaused(true);
    const backlog = 5_000;
    await publish(agent, numbered(0, backlog, 200));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    agent.setUplinkPaused(false);
    await until('the backlog flows', () => hub.records().length > 100);
    await publish(agent, ['1000000']);
    await until('the fresh reading is there', () => numbersAt(hub).includes(1_000_000));
    expect(hub.records().length).toBeLessThan(backlog * 0.9);
    const [stream] = agent.status().streams;
    expect(stream!.lanes.map(({ isBacklog }) => isBacklog)).toEqual([true, false]);
    expect(stream!.lagRecords).toBeGreaterThan(backlog * 0.1);
    await until('everything is acknowledged', () => agent.status().streams[0]!.lagRecords === 0);
    expect(numbersAt(hub).toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: backlog }, (_, n) => n),
      1_000_000,
    ]);
    for (const { batches } of hub.runs.values()) {
      const inRun = batches.flatMap((batch) => [...iterateRecords(batch)].map(({ offset }) => offset));
      expect(inRun).toEqual(inRun.map((_, i) => inRun[0]! + i));
    }
    expect(agent.status().gaps).toEqual([]);
  });

  test('queue metric wrong offline (IoT Edge): records, bytes and age of the backlog are exact without an uplink', async () => {
    const agent = await testAgent({ dataDir: temporaryDir(), batchBytes: 2048, compression: 'none' });
    await publish(agent, numbered(0, 100, 300));
    await publish(agent, numbered(100, 1, 300));
    await until('it ages', () => agent.status().streams[0]!.oldestUnackedMs > 50);
    const [stream] = agent.status().streams;
    expect(stream).toMatchObject({ lagRecords: 101, endOffset: 101, ackedOffset: 0 });
    expect(stream!.sealedOffset).toBeLessThan(101);
    expect(stream!.lagBytes).toBeGreaterThan(101 * 300);
    expect(stream!.lagBytes).toBeLessThan(101 * 400);
  });
});

/** A hub that takes no batch with this text in it. */
class PickyHub extends MemoryHub {
  poison = 'poison';

  override append(producerId: number, batch: Buffer): HubAppend {
    const isPoison = [...iterateRecords(batch)].some(({ value }) => value!.toString().includes(this.poison));
    if (!isPoison) return super.append(producerId, batch);
    return { ok: false, code: 'batch-too-large', message: 'the topic takes less' };
  }
}

test('one poison batch blocks the queue (InfluxDB): it is set aside with its bytes, declared as a gap, and the rest flows', async () => {
  const hub = new PickyHub();
  const [server, dataDir] = [await testHub(hub), temporaryDir()];
  const given = { dataDir, hub: [server.url], batchBytes: 1024 };
  const agent = await testAgent(given, { uplinkTuning: { ...IMPATIENT, refusedRetryMs: 100 } });
  await publish(agent, ['before']);
  await until('the first is there', () => hub.values().length === 1);
  await publish(agent, ['poison']);
  await until('it is refused', () => agent.status().streams[0]!.uplink === 'refused');
  expect(agent.status().alarms.map(({ name }) => name)).toContain('refused telemetry');
  await publish(agent, ['after']);
  await until('the rest is there', () => hub.values().includes('after'));
  await until('the gap is recorded', () => hub.gaps.length === 1 && agent.status().gaps.length === 0);
  expect(hub.gaps[0]).toMatchObject({ from: 1, to: 2, reason: 'refused' });
  await until('only that is alarming', () => agent.status().alarms.every(({ name }) => name === 'set aside'));
  const { setAside, alarms } = agent.status();
  expect(setAside).toMatchObject([
    { topic: 'telemetry', firstOffset: 1, lastOffset: 1, code: 'batch-too-large' },
  ]);
  expect(alarms.map(({ name }) => name)).toEqual(['set aside']);
  await until('all is acknowledged', () => agent.status().streams[0]!.lagRecords === 0);
  await agent.stop();
  const again = await testAgent(given);
  expect(again.status().setAside).toEqual(setAside);
  expect(again.status().alarms[0]!.message).toContain(setAside[0]!.topic);
});

test('without room to set it aside a refused batch stays where it is, and its stream stands still with an alarm', async () => {
  const hub = new PickyHub();
  const agent = await testAgent(
    { dataDir: temporaryDir(), hub: [(await testHub(hub)).url], setAsideBytes: 10 },
    { uplinkTuning: { ...IMPATIENT, refusedRetryMs: 50 } },
  );
  await publish(agent, ['poison']);
  const message = () => agent.status().alarms.find(({ name }) => name === 'refused telemetry')?.message ?? '';
  await until('the alarm says why', () => message().includes('could not be set aside'));
  expect(message()).toMatch(/--set-aside-bytes/);
  hub.poison = 'nothing';
  await until('taken once the hub takes it', () => agent.status().streams[0]!.lagRecords === 0);
  expect(hub.values()).toEqual(['poison']);
  await until('nobody is alarmed any more', () => agent.status().alarms.length === 0);
});

test('identical client ids kick each other (rtl_433): the second gateway of a name stays away and says what to do; the first is not disturbed', async () => {
  const hub = new MemoryHub();
  const { url } = await testHub(hub);
  const first = await testAgent({ dataDir: temporaryDir(), hub: [url], gateway: 'barn' });
  await until('the first is live', () => first.status().uplink.state === 'live');
  const second = await testAgent({ dataDir: temporaryDir(), hub: [url], gateway: 'barn' });
  await until('the second is refused', () => second.status().uplink.state === 'refused');
  expect(second.status().alarms).toMatchObject([{ name: 'refused by the hub' }]);
  expect(second.status().alarms[0]!.message).toMatch(/live under the name barn .*another name \(--gateway\)/);
  await publish(second, ['kept here']);
  await publish(first, ['flows']);
  await until('the first flows on', () => hub.values().includes('flows'));
  expect(first.status().uplink.connections).toBe(1);
});

test('"connected" but forwards nothing (HiveMQ Edge, InfluxDB): health is that acknowledgements come, not that a session stands', async () => {
  class MuteHub extends MemoryHub {
    override append(): HubAppend {
      return { ok: true, committed: new Promise(() => {}) };
    }
  }
  let skewMs = 0;
  const agent = await testAgent(
    { dataDir: temporaryDir(), hub: [(await testHub(new MuteHub())).url] },
    { now: () => Date.now() + skewMs },
  );
  await publish(agent, ['x']);
  await until('it is sent', () => agent.status().uplink.inFlightBytes > 0);
  expect(agent.status().uplink.state).toBe('live');
  const health = () => fetch(`http://127.0.0.1:${agent.httpPort}/healthz`);
  expect((await health()).status).toBe(200);
  skewMs = 61_000;
  const sick = await health();
  expect(sick.status).toBe(503);
  expect(await sick.text()).toContain('no acknowledgement in 60 s for telemetry');
});

test("upload windows go by the gateway's clock; outside them batches grow as without an uplink, and no lane is opened beside what has to wait", async () => {
  const hub = new MemoryHub();
  const hour = (from: number) => new Date(Date.now() + from * 3_600_000).getUTCHours();
  let skewMs = 0;
  const agent = await testAgent(
    {
      dataDir: temporaryDir(),
      hub: [(await testHub(hub)).url],
      clock: 'system',
      compression: 'none',
      topics: [{ topic: 'telemetry', lane: 'live-first', priority: 0, whenFull: 'reject' }],
      uplinkWindows: [`${hour(3)}:00-${hour(5)}:00`],
      uplinkZone: 'UTC',
    },
    { now: () => Date.now() + skewMs },
  );
  agent.setUplinkPaused(true);
  const backlog = 2_000;
  await publish(agent, numbered(0, backlog, 200));
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  agent.setUplinkPaused(false);
  await until('connected', () => agent.status().uplink.state === 'live');
  await publish(agent, numbered(backlog, 1, 200));
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const [stream] = agent.status().streams;
  expect(stream!.lanes).toHaveLength(1);
  expect(stream!.sealedOffset).toBeLessThan(stream!.endOffset);
  skewMs = 3.5 * 3_600_000;
  await until('all is through', () => agent.status().streams[0]!.lagRecords === 0);
  expect(numbersAt(hub)).toHaveLength(backlog + 1);
});

/** An HTTP proxy for CONNECT that wants credentials. */
async function startProxy(): Promise<{ server: Server; port: number; asked: string[] }> {
  const asked: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer((_request, response) => response.writeHead(405).end());
  server.on('connect', (request, from: Socket) => {
    sockets.push(from);
    from.on('error', () => {});
    const credentials = request.headers['proxy-authorization'];
    asked.push(`${request.url} ${credentials}`);
    if (credentials !== `Basic ${Buffer.from('plant:secret').toString('base64')}`) {
      from.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const to = connect(Number(request.url!.split(':')[1]), '127.0.0.1', () => {
      from.write('HTTP/1.1 200 Connection established\r\n\r\n');
      from.pipe(to).pipe(from);
    });
    to.on('error', () => from.destroy());
    sockets.push(to);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0, asked };
}

test('through an HTTP proxy with CONNECT and credentials; without them the reason is told', async () => {
  const hub = new MemoryHub();
  const { url } = await testHub(hub);
  const proxy = await startProxy();
  const agent = await testAgent({
    dataDir: temporaryDir(),
    hub: [url],
    uplinkProxy: `http://plant:secret@127.0.0.1:${proxy.port}`,
  });
  await publish(agent, ['a']);
  await until('it arrived', () => hub.values().length === 1);
  expect(proxy.asked).toEqual([`${new URL(url).host} Basic cGxhbnQ6c2VjcmV0`]);
  expect(agent.status().uplink.via).toBe(`http://127.0.0.1:${proxy.port}`);
  const stranger = await testAgent({
    dataDir: temporaryDir(),
    hub: [url],
    gateway: 'other',
    uplinkProxy: `http://127.0.0.1:${proxy.port}`,
  });
  await until('it is refused', () => stranger.status().uplink.lastError?.includes('407') === true);
});
