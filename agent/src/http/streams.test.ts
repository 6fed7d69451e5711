import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunningAgent } from '../agent.ts';
import { temporaryDir, testAgent, testHub, until } from '../testing/fixture.ts';
import { MemoryHub } from '../testing/memory-hub.ts';
import { publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';

interface Line {
  offset: number;
  timestamp: number;
  key: string;
  value: unknown;
  headers: { key: string; value: string }[];
}

async function publish(agent: RunningAgent, values: (string | Buffer)[], clientId = 'dev'): Promise<void> {
  const client = await RawMqtt.connect(agent.mqttPort, clientId);
  client.send(...values.map((value, i) => publishPacket('hall/temp', value, { messageId: i + 1 })));
  await client.packets('puback', values.length);
  client.socket.destroy();
}

const urlOf = (agent: RunningAgent, path: string) => `http://127.0.0.1:${agent.httpPort}${path}`;

async function read(agent: RunningAgent, query = '') {
  const response = await fetch(urlOf(agent, `/streams/telemetry${query}`));
  const text = await response.text();
  const lines = response.ok ? text.split('\n').slice(0, -1) : [];
  return {
    status: response.status,
    next: response.headers.get('edgelog-next-offset'),
    lines: lines.map((line) => JSON.parse(line) as Line),
    text,
  };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `${from + i}`);

describe('reading a stream on the gateway', () => {
  test('offline, sealed batches and the open tail are one: every record once, in order', async () => {
    const agent = await testAgent({ dataDir: temporaryDir(), batchBytes: 4096 });
    await publish(agent, numbers(0, 500));
    const { sealedOffset } = agent.status().streams[0]!;
    expect(sealedOffset).toBeGreaterThan(0);
    expect(sealedOffset).toBeLessThan(500);
    const { lines, next } = await read(agent);
    expect(lines.map(({ offset }) => offset)).toEqual(numbers(0, 500).map(Number));
    expect(lines.map(({ value }) => value)).toEqual(numbers(0, 500));
    expect(next).toBe('500');
    expect(lines[7]).toMatchObject({
      key: 'hall/temp',
      headers: expect.arrayContaining([{ key: 'edgelog.source', value: 'mqtt:dev' }]),
    });
  });

  test('by offset, from the end, by time, and so many', async () => {
    const agent = await testAgent({ dataDir: temporaryDir(), batchBytes: 2048 });
    await publish(agent, numbers(0, 100));
    await until('the clock goes on', () => Date.now() > agent.status().streams[0]!.oldestUnackedMs);
    const values = async (query: string) => (await read(agent, query)).lines.map(({ value }) => value);
    expect(await values('?offset=97')).toEqual(['97', '98', '99']);
    expect(await values('?offset=-2')).toEqual(['98', '99']);
    expect(await values('?offset=50&limit=3')).toEqual(['50', '51', '52']);
    expect((await read(agent, '?offset=50&limit=3')).next).toBe('53');
    expect(await values('?offset=next')).toEqual([]);
    const [first] = (await read(agent, '?offset=60&limit=1')).lines;
    const since = (await read(agent, `?time=${new Date(first!.timestamp).toISOString()}`)).lines;
    expect(since[0]!.timestamp).toBeGreaterThanOrEqual(first!.timestamp);
    expect(since[0]!.offset).toBeLessThanOrEqual(60);
    expect(await values(`?time=${Date.now() + 3_600_000}`)).toEqual([]);
  });

  test('values are text, JSON or base64 as asked for; bytes that are no text are never mangled', async () => {
    const agent = await testAgent({ dataDir: temporaryDir() });
    await publish(agent, ['{"t":21}', 'plain', Buffer.from([0xff, 0])]);
    const values = async (query: string) => (await read(agent, query)).lines.map(({ value }) => value);
    expect(await values('')).toEqual(['{"t":21}', 'plain', { base64: '/wA=' }]);
    expect(await values('?values=json')).toEqual([{ t: 21 }, 'plain', { base64: '/wA=' }]);
    expect(await values('?valueBytes=3')).toEqual(['{"t', 'pla', { base64: '/wA=' }]);
    expect(await values('?values=base64')).toEqual(['eyJ0IjoyMX0=', 'cGxhaW4=', '/wA=']);
  });

  test('a follower gets what comes, and is let go when it leaves', async () => {
    const agent = await testAgent({ dataDir: temporaryDir() });
    await publish(agent, ['before']);
    const gone = new AbortController();
    onTestFinished(() => gone.abort());
    const response = await fetch(urlOf(agent, '/streams/telemetry?offset=next&follow=1'), {
      signal: gone.signal,
    });
    let text = '';
    const reading = (async () => {
      const decoder = new TextDecoder();
      for await (const bytes of response.body as AsyncIterable<Uint8Array>) text += decoder.decode(bytes);
    })().catch(() => {});
    await publish(agent, ['one', 'two']);
    await until('both have come', () => text.split('\n').length === 3);
    expect(text).toMatch(/"value":"one"[^\n]*\n[^\n]*"value":"two"/);
    gone.abort();
    await reading;
    await agent.stop();
  });

  test('what was freed, what is not there yet and what does not exist are told apart', async () => {
    const hub = new MemoryHub();
    const { url } = await testHub(hub);
    const agent = await testAgent({
      dataDir: temporaryDir(),
      hub: [url],
      replayBytes: 0,
      batchBytes: 1024,
      compression: 'none',
    });
    await publish(agent, numbers(0, 300));
    await until(
      'the hub has all, and the gateway has freed it',
      () => agent.status().streams[0]!.logStartOffset > 0,
    );
    const freed = await read(agent, '?offset=0');
    expect(freed.status).toBe(410);
    expect(freed.text).toMatch(/offset 0 of telemetry is not on this gateway: the hub has it/);
    expect((await read(agent, '?offset=5000')).status).toBe(416);
    expect((await read(agent, '?offset=x')).text).toMatch(/offset: expected a number/);
    const unknown = await fetch(urlOf(agent, '/streams/nothing'));
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toEqual({
      error: 'no stream "nothing" on this gateway',
      topics: ['telemetry'],
    });
  });

  test('a reader that takes nothing holds nothing up and takes no memory', async () => {
    const agent = await testAgent({ dataDir: temporaryDir(), compression: 'none' });
    const value = Buffer.alloc(50_000, 'x');
    await publish(
      agent,
      Array.from({ length: 400 }, () => value),
    );
    const socket = connect(agent.httpPort, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    socket.pause();
    socket.write('GET /streams/telemetry HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('the kernel has what it takes', () => socket.readableLength >= 0);
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    await publish(agent, ['still', 'here'], 'other');
    expect((await read(agent, '?offset=-1')).lines[0]!.value).toBe('here');
    expect(process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before).toBeLessThan(60e6);
  });
});

test('sources are listed with when they were heard, how much and how often', async () => {
  const agent = await testAgent({ dataDir: temporaryDir() });
  await publish(agent, ['1', '2', '3'], 'a');
  await publish(agent, ['1'], 'b');
  const { list } = agent.status().sources;
  expect(list.map(({ source, messages, bytes }) => [source, messages, bytes])).toEqual(
    expect.arrayContaining([
      ['mqtt:a', 3, 3],
      ['mqtt:b', 1, 1],
    ]),
  );
  expect(list[0]!.rate).toBeGreaterThan(0);
});
