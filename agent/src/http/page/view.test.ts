import { type Element, textOf } from '@edgelog/runtime/page/element.js';
import { describe, expect, test } from 'vitest';
import type { RunningAgent } from '../../agent.ts';
import { serialSettingSchema } from '../../serial/setting.ts';
import { temporaryDir, testAgent, testHub, until } from '../../testing/fixture.ts';
import { MemoryHub } from '../../testing/memory-hub.ts';
import { publishPacket, RawMqtt } from '../../testing/raw-mqtt.ts';
import { formatRate, ratesOf } from './rates.js';
import { verdictOf } from './verdict.js';
import { contentView, headerView, noticeView } from './view.js';

const HOSTILE = '<img src=x onerror=alert(1)>';

async function publish(agent: RunningAgent, clientId: string, count: number, value = 'x'): Promise<void> {
  const client = await RawMqtt.connect(agent.mqttPort, clientId);
  client.send(...Array.from({ length: count }, (_, i) => publishPacket('hall', value, { messageId: i + 1 })));
  await client.packets('puback', count);
  client.socket.destroy();
}

/** As a browser gets it. */
async function statusOf(agent: RunningAgent): Promise<ReturnType<RunningAgent['status']>> {
  const response = await fetch(`http://127.0.0.1:${agent.httpPort}/status`);
  return (await response.json()) as ReturnType<RunningAgent['status']>;
}

function* tagsOf(content: readonly (Element | string)[]): Generator<string> {
  for (const one of content) {
    if (typeof one === 'string') continue;
    yield one.tag;
    yield* tagsOf(one.children);
  }
}

describe("the gateway's page", () => {
  test('offline it says so, how much waits, and that devices are taken', async () => {
    const agent = await testAgent({ dataDir: temporaryDir() });
    await publish(agent, 'meter', 12);
    const status = await statusOf(agent);
    expect(textOf(headerView(status))).toMatch(/gw .*offline .*No hub can be reached.* 12 records wait here/);
    const shown = textOf(contentView({ status, rates: null, records: [], topic: 'telemetry' }));
    expect(shown).toMatch(/telemetry waiting – – 12/);
    expect(shown).toMatch(/mqtt:meter now [\d.]+\/s 12 12 B/);
  });

  test('online it is calm', async () => {
    const { url } = await testHub(new MemoryHub());
    const agent = await testAgent({ dataDir: temporaryDir(), hub: [url] });
    await publish(agent, 'meter', 3);
    await until('the hub has all', () => agent.status().streams[0]?.lagRecords === 0);
    const status = await statusOf(agent);
    expect(verdictOf(status)).toEqual({ level: 'good', word: 'online', text: 'Nothing waits here.' });
    const later = {
      ...status,
      streams: status.streams.map((one) => ({ ...one, endOffset: one.endOffset + 20 })),
    };
    expect(ratesOf(status, later, 2000)).toMatchObject({ came: 10, left: 0 });
    expect(ratesOf(status, later, 10)).toBeNull();
  });

  test('serial ports and subscriptions are there with what is wrong with them', async () => {
    const serial = [serialSettingSchema.parse('/dev/no-such-port@9600')];
    const agent = await testAgent({ dataDir: temporaryDir(), serial });
    const status = await statusOf(agent);
    const subscription = {
      name: 'plant',
      url: 'mqtt://plant:1883',
      state: 'waiting' as const,
      messages: 7,
      payloadBytes: 70,
      refused: 0,
      unacked: 0,
      connections: 1,
      lastError: 'connect ECONNREFUSED',
    };
    const withBoth = { ...status, subscriptions: [subscription] };
    const shown = textOf(contentView({ status: withBoth, rates: null, records: [], topic: undefined }));
    expect(shown).toMatch(/\/dev\/no-such-port (waiting|opening|missing)/);
    expect(shown).toMatch(/plant waiting +connect ECONNREFUSED mqtt:\/\/plant:1883 7/);
  });

  test('full, refused as a clone, or with a failed disk: the worst comes first', async () => {
    const agent = await testAgent({ dataDir: temporaryDir() });
    const status = await statusOf(agent);
    const clone = {
      ...status,
      uplink: {
        ...status.uplink,
        state: 'refused' as const,
        refusal: { code: 'duplicate-instance' as const, message: '' },
      },
    };
    expect(verdictOf(clone)).toMatchObject({ level: 'bad', word: 'clone refused' });
    const full = { ...clone, disk: { ...status.disk, isFull: true } };
    expect(verdictOf(full)).toMatchObject({ level: 'bad', word: 'full' });
    const failed = { ...full, alarms: [{ name: 'store failed', message: 'I/O', since: status.time }] };
    expect(verdictOf(failed).word).toBe('failed');
    expect(textOf(contentView({ status: failed, rates: null, records: [], topic: undefined }))).toMatch(
      /Alarms \(1\)/,
    );
  });

  test('names and values of devices stay text, whatever is in them', async () => {
    const agent = await testAgent({ dataDir: temporaryDir() });
    await publish(agent, HOSTILE, 1, HOSTILE);
    const record = {
      offset: 0,
      timestamp: 0,
      key: HOSTILE,
      value: HOSTILE,
      headers: [{ key: 'edgelog.source', value: HOSTILE }],
    };
    const shown = contentView({
      status: await statusOf(agent),
      rates: null,
      records: [record],
      topic: HOSTILE,
    });
    expect([...tagsOf(shown)]).not.toContain('img');
    expect(textOf(shown).split(HOSTILE).length).toBeGreaterThan(4);
  });

  test('a name that turns the text around it, or is not seen, cannot pass for another one', async () => {
    const agent = await testAgent({ dataDir: temporaryDir() });
    await publish(agent, '\u202e7-retem\u200b', 1, 'a\u0007b\nc');
    const record = { offset: 0, timestamp: 0, key: 'k', value: 'a\u0007b\nc', headers: [] };
    const shown = contentView({ status: await statusOf(agent), rates: null, records: [record], topic: 't' });
    expect(textOf(shown)).toMatch(/mqtt:\\u202e7-retem\\u200b/);
    expect(textOf(shown)).toContain('a\\u0007b\nc');
  });

  test('two hundred devices are all there, in a box that the keyboard reaches and scrolls', async () => {
    const status = await statusOf(await testAgent({ dataDir: temporaryDir() }));
    const one = { lastAt: status.time, messages: 1, bytes: 1, rate: 1 };
    const list = Array.from({ length: 200 }, (_, i) => ({ ...one, source: `mqtt:meter-${i}.` }));
    const many = { ...status, sources: { list, forgotten: 0 } };
    const shown = contentView({ status: many, rates: null, records: [], topic: undefined });
    for (const { source } of list) expect(textOf(shown)).toContain(source);
    const box = shown.find(({ attributes }) => attributes.class === 'compact long');
    expect(box?.attributes).toMatchObject({ tabindex: '0', role: 'region', 'aria-labelledby': 'devices' });
  });

  test.each([
    [0, '0/s'],
    [12_345.6, '12,346/s'],
    [2, '2.0/s'],
    [1 / 60, '1.0/min'],
    [1 / 600, '6.0/h'],
    [1e-9, '< 1/h'],
  ])('a device that speaks %f times a second speaks %s', (rate, text) => {
    expect(formatRate(rate)).toBe(text);
  });

  test('an agent that does not answer is not taken for one that is well', () => {
    expect(noticeView(0, 1000, 61_000)).toBe('The agent does not answer. What is shown is 1 min old.');
    expect(noticeView(0, undefined, 1)).toBe('');
  });

  test('every file it asks for is served, and none from elsewhere', async () => {
    const agent = await testAgent({ dataDir: temporaryDir() });
    const base = `http://127.0.0.1:${agent.httpPort}/`;
    const seen = new Set<string>();
    const follow = async (url: string): Promise<void> => {
      if (seen.has(url)) return;
      seen.add(url);
      const response = await fetch(url);
      expect([url, response.status]).toEqual([url, 200]);
      expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none'/);
      const text = await response.text();
      const found = text.matchAll(/(?:^import .*|href=|src=|from )["']([^"'#]+\.(?:js|css))["']/gm);
      for (const [, path] of found) await follow(new URL(path!, url).href);
    };
    await follow(base);
    expect(seen.size).toBeGreaterThan(8);
    expect([...seen].every((url) => url.startsWith(base))).toBe(true);
  });
});
