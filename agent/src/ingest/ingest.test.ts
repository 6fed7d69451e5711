import { Alarms, type Reading, sourceHeaders } from '@edgelog/edge';
import type { RecordHeader } from '@edgelog/wire';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { Incoming } from './incoming.ts';
import { createIngest, TOPICS_ALARM } from './ingest.ts';
import { routesSchema } from './schema.ts';
import { Births } from './sparkplug/births.ts';
import { field, sparkplugPayload } from './testing/sparkplug-encoder.ts';

interface Given {
  maxRoutedTopics?: number;
  unrouted?: 'default' | 'drop';
  existingTopics?: string[];
}

const NOW = Date.UTC(2026, 10, 22);

/** An ingest whose streams keep what they are given, or refuse it. */
function setUp(routes: z.input<typeof routesSchema>, given: Given = {}) {
  const taken: { topic: string; key: string; value: string; headers: Record<string, string> }[] = [];
  const readings: Reading[] = [];
  const alarms: string[] = [];
  const raised = new Alarms({
    info: () => {},
    error: (_event, { message }) => void alarms.push(`${message}`),
  });
  const table = new Map<string, Buffer>();
  const at = { monotonicMs: 0, isFull: false };
  const keep = (topic: string, { key, value, headers }: Reading) => {
    if (at.isFull) throw new Error('full');
    readings.push({ key, value, headers });
    const shown = Object.fromEntries(headers.map((one) => [one.key, one.value!.toString()]));
    taken.push({ topic, key, value: value.toString(), headers: shown });
    return { offset: taken.length - 1, durable: Promise.resolve() };
  };
  const options = {
    routes: routesSchema.parse(routes),
    topic: 'telemetry',
    unrouted: 'default' as const,
    maxRoutedTopics: 100,
    existingTopics: [],
    now: () => NOW,
    monotonicMs: () => at.monotonicMs,
    alarms: raised,
    streams: {
      append: (topic: string, reading: Reading, alongside?: () => void) => {
        const result = keep(topic, reading);
        alongside?.();
        return result;
      },
      appendAll: (readings: readonly { topic: string; reading: Reading }[], alongside?: () => void) => {
        for (const { topic, reading } of readings) keep(topic, reading);
        alongside?.();
        return { durable: Promise.resolve() };
      },
    },
    ...given,
  };
  const births = () =>
    new Births({
      entries: (prefix) => [...table].filter(([key]) => key.startsWith(prefix)),
      put: (key, value) => void table.set(key, value),
    });
  const make = () => createIngest({ ...options, births: births() });
  const ingest = make();
  const headers = new Map<string, readonly RecordHeader[]>();
  const message = (name: string, value: string | Buffer, client = 'dev'): Incoming => {
    if (!headers.has(client)) headers.set(client, sourceHeaders('gw', `mqtt:${client}`));
    return { kind: 'mqtt', name, value: Buffer.from(value), headers: headers.get(client)! };
  };
  const send = (name: string, value: string | Buffer, client?: string) => {
    ingest.take(message(name, value, client));
    return taken.at(-1)!;
  };
  return {
    ingest,
    make,
    taken,
    readings,
    alarms,
    raised,
    at,
    table,
    message,
    send,
    values: () => taken.map((one) => one.value),
  };
}

describe('routes', () => {
  test('without any, a message goes to the default topic under its own name', () => {
    const { send, ingest } = setUp([]);
    expect(send('a/b', '1')).toMatchObject({ topic: 'telemetry', key: 'a/b', value: '1' });
    expect(ingest.status()).toMatchObject({ unrouted: 1, routes: [] });
  });

  test('captures, levels and the device fill topic, key and headers', () => {
    const { send } = setUp([
      {
        match: 'site/{site}/+/{sensor}',
        topic: 'plant-{site}',
        key: '{sensor}@{client}',
        headers: { line: '{3}', from: '{source} at {gateway}' },
      },
    ]);
    const first = send('site/north/l1/temp', '1', 'dev-1');
    expect(first).toMatchObject({ topic: 'plant-north', key: 'temp@dev-1' });
    expect(first.headers).toMatchObject({
      line: 'l1',
      from: 'mqtt:dev-1 at gw',
      'edgelog.source': 'mqtt:dev-1',
    });
    expect(send('site/north/l1/temp', '1', 'dev-2').key).toBe('temp@dev-2');
  });

  test('the first that matches decides, unless it says that it does not', () => {
    const { send, taken } = setUp([
      { match: 'alarm/#', topic: 'alarms', stop: false },
      { match: '#', topic: 'all' },
      { match: 'alarm/#', topic: 'never' },
    ]);
    send('alarm/fire', '1');
    send('other', '2');
    expect(taken.map(({ topic, value }) => [topic, value])).toEqual([
      ['alarms', '1'],
      ['all', '1'],
      ['all', '2'],
    ]);
  });

  test('what several routes take is taken as a whole or not at all, and counts only then', () => {
    const { send, ingest, at, taken } = setUp([
      { name: 'first', match: '#', topic: 'a', stop: false },
      { name: 'second', match: '#', topic: 'b', sample: { every: 2 } },
    ]);
    at.isFull = true;
    expect(() => send('x', '1')).toThrow('full');
    expect(ingest.status().routes.map(({ matched, records }) => [matched, records])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    at.isFull = false;
    send('x', '1');
    expect(taken.map(({ topic }) => topic)).toEqual(['a', 'b']);
  });

  test('every drop has a counter and a reason: dropped, sampled out, not routed', async () => {
    const { ingest, message, taken } = setUp(
      [
        { name: 'noise', match: 'debug/#', drop: true },
        { name: 'thin', match: 'fast/+', sample: { every: 10 } },
      ],
      { unrouted: 'drop' },
    );
    let alongside = 0;
    for (let i = 0; i < 20; i++) {
      await ingest.take(message('debug/x', '1'), () => alongside++).durable;
      await ingest.take(message('fast/x', `${i}`), () => alongside++).durable;
      await ingest.take(message('other', '1'), () => alongside++).durable;
    }
    expect(taken.map(({ value }) => value)).toEqual(['0', '10']);
    expect(alongside).toBe(60);
    expect(ingest.status()).toMatchObject({
      unrouted: 20,
      routes: [
        { name: 'noise', matched: 20, records: 0, dropped: 20 },
        { name: 'thin', matched: 20, records: 2, sampledOut: 18 },
      ],
    });
  });

  test('by serial port and by client', () => {
    const { ingest, taken, send } = setUp([
      { match: { port: '/dev/serial/by-id/*scale*' }, topic: 'scales', key: '{3}' },
      { match: { client: 'meter-*', topic: '#' }, topic: 'meters' },
    ]);
    ingest.take({
      kind: 'serial',
      name: '/dev/serial/by-id/usb-scale-if00',
      value: Buffer.from('1'),
      headers: sourceHeaders('gw', 'serial:/dev/serial/by-id/usb-scale-if00'),
    });
    send('x', '2', 'meter-7');
    send('x', '3', 'lamp');
    expect(taken.map(({ topic, key }) => [topic, key])).toEqual([
      ['scales', 'serial'],
      ['meters', 'x'],
      ['telemetry', 'x'],
    ]);
  });

  test('a device that makes up topic names: each becomes a legal one, always the same', () => {
    const { send } = setUp([{ match: 'd/#', topic: 't-{#}' }]);
    expect(send('d/a b/ü', '1').topic).toBe('t-a_b._');
    expect(send('d/a b/ü', '1').topic).toBe('t-a_b._');
    const long = send(`d/${'x'.repeat(400)}`, '1').topic;
    expect(long).toHaveLength(249);
    expect(send(`d/${'x'.repeat(401)}`, '1').topic).not.toBe(long);
  });

  test("a device does not write into Kafka's own topics by what it captures", () => {
    const { send } = setUp([{ match: '{x}/#', topic: '{x}' }]);
    expect(send('__consumer_offsets/1', '1').topic).toBe('-_consumer_offsets');
    expect(send('../1', '1').topic).toBe('_');
    expect(send('/1', '1').topic).toBe('_');
  });

  test('a device that makes up topic names without end: beyond the bound they go to the default topic, with an alarm', () => {
    const { send, alarms, raised, ingest } = setUp(
      [{ name: 'by device', match: 'd/{id}', topic: 'dev-{id}' }],
      {
        maxRoutedTopics: 3,
        existingTopics: ['dev-0', 'telemetry'],
      },
    );
    const topics = Array.from({ length: 10 }, (_, i) => send(`d/${i}`, '1').topic);
    expect(topics.slice(0, 4)).toEqual(['dev-0', 'dev-1', 'dev-2', 'telemetry']);
    expect(send('d/9', '1').headers['edgelog.topic']).toBe('dev-9');
    expect(alarms[0]).toMatch(/by device would make topics such as dev-3, but 3 were made/);
    expect(ingest.status()).toMatchObject({ routedTopics: 3, maxRoutedTopics: 3 });
    // Each alarm is a line in the log.
    expect(alarms).toHaveLength(1);
    raised.acknowledge(TOPICS_ALARM);
    send('d/9', '1');
    expect(raised.list()).toEqual([]);
    send('d/10', '1');
    expect(raised.list()).toHaveLength(1);
  });

  test.each([
    [{ match: 'a/{x}', topic: '{y}' }, /route 1: template "{y}": {y} is not known here; allowed are .*{x}/],
    [{ match: 'a', topic: 'a topic' }, /topic "a topic" cannot become a Kafka topic name/],
    [{ match: 'a/#/b' }, /pattern "a\/#\/b": # must be the last level/],
    [{ match: 'a{x}' }, /must be a whole level/],
    [{ match: ['a/{x}', 'b'], key: '{x}' }, /{x} is not known here/],
    [{ match: '{client}' }, /{client} has a meaning of its own/],
  ])('%j is refused at the start, by name', (route, reason) => {
    expect(() => setUp([route])).toThrow(reason);
  });

  test('topics that begin with $ are matched by name alone', () => {
    const { send } = setUp([
      { match: ['#', '+/x', '{a}/x'], topic: 'all' },
      { match: '$share/#', topic: 'own' },
    ]);
    expect(send('$share/x', '1').topic).toBe('own');
    expect(send('sport', '1').topic).toBe('all');
  });
});

describe('sampling', () => {
  test('at most one in an interval, for each key', () => {
    const { send, at, values } = setUp([{ match: '{d}', key: '{d}', sample: { intervalMs: 1000 } }]);
    for (const [ms, name] of [
      [0, 'a'],
      [10, 'b'],
      [999, 'a'],
      [1000, 'a'],
      [1005, 'b'],
      [1010, 'b'],
    ] as const) {
      at.monotonicMs = ms;
      send(name, `${name}${ms}`);
    }
    expect(values()).toEqual(['a0', 'b10', 'a1000', 'b1010']);
  });

  test('on change beyond a dead band, and now and then all the same', () => {
    const { send, at, values } = setUp([
      { match: '#', sample: { deadband: 0.5, path: 'v', atLeastEveryMs: 60_000 } },
    ]);
    for (const [ms, v] of [
      [0, 20],
      [1, 20.4],
      [2, 20.6],
      [3, 20.2],
      [4, 20],
      [70_000, 20],
    ] as const) {
      at.monotonicMs = ms;
      send('t', JSON.stringify({ v, n: ms }));
    }
    expect(values().map((value) => JSON.parse(value).v)).toEqual([20, 20.6, 20, 20]);
  });

  test('on change of a word in JSON, whatever else stands beside it', () => {
    const { send, values } = setUp([{ match: '#', sample: { onChange: true, path: 'state' } }]);
    for (const [i, state] of ['on', 'on', 'off', 'off', null].entries())
      send('t', JSON.stringify({ state, i }));
    expect(values().map((value) => JSON.parse(value).i)).toEqual([0, 2, 4]);
    for (const value of ['{"i":5}', '{"i":5}', '{"i":6}']) send('t', value);
    expect(values().slice(3)).toEqual(['{"i":5}', '{"i":6}']);
  });

  test('keys of any length are told apart', () => {
    const { send, values } = setUp([{ match: '#', sample: { every: 2 } }]);
    const long = 'x'.repeat(60_000);
    for (const name of [`${long}a`, `${long}b`, `${long}a`, `${long}a`]) send(name, name.slice(-1));
    expect(values()).toEqual(['a', 'b', 'a']);
  });

  test('what the log refuses was not kept: it is not left out when it comes again', () => {
    const { send, at, values } = setUp([{ match: '#', sample: { onChange: true } }]);
    at.isFull = true;
    expect(() => send('t', 'on')).toThrow('full');
    at.isFull = false;
    send('t', 'on');
    send('t', 'on');
    expect(values()).toEqual(['on']);
  });

  test('on change of a payload that is no number', () => {
    const { send, values } = setUp([{ match: '#', sample: { onChange: true } }]);
    for (const value of ['on', 'on', 'off', 'off', 'on']) send('t', value);
    expect(values()).toEqual(['on', 'off', 'on']);
  });
});

describe("a device's own time", () => {
  const timed = (format: 's' | 'ms' | 'us' | 'ns' | 'iso') =>
    setUp([{ match: '#', timestamp: { path: 'at.t', format } }]);

  test.each([
    ['s', 1_700_000_000.5, '1700000000500'],
    ['s', 1_700_000_000.123, '1700000000123'],
    ['s', '1700000000', '1700000000000'],
    ['ms', 1_700_000_000_123, '1700000000123'],
    ['us', 1_700_000_000_123_456, '1700000000123'],
    ['ns', '1700000000123456789', '1700000000123'],
    ['iso', '2023-11-14T22:13:20.123Z', '1700000000123'],
    ['iso', '2023-11-14T23:13:20.123+01:00', '1700000000123'],
  ] as const)('in %s is carried as a header', (format, t, expected) => {
    expect(timed(format).send('x', JSON.stringify({ at: { t } })).headers['edgelog.time']).toBe(expected);
  });

  test('in an array that is the whole payload is found', () => {
    const { send } = setUp([{ match: '#', timestamp: { path: '[1].t' } }]);
    expect(send('x', '[{"t":1},{"t":1700000000123}]').headers['edgelog.time']).toBe('1700000000123');
  });

  test('that is a word with a number in it is a fault, not a day in 2001', () => {
    const { send, ingest } = timed('iso');
    expect(send('x', '{"at":{"t":"room 7"}}').headers).not.toHaveProperty('edgelog.time');
    expect(ingest.status().lastFault).toMatch(/"room 7" is not an ISO 8601 time/);
  });

  test.each([
    ['{"at":{"t":5}}', /before 2000/],
    ['{"at":{"t":4102444800000}}', /more than a day ahead/],
    ['{"at":{"t":1e300}}', /more than a day ahead/],
    ['{"at":{"t":"soon"}}', /not a number/],
    ['{"at":{}}', /no JSON value at at.t/],
    ['not JSON', /no JSON value at at.t/],
  ])('%s is a fault: counted, and the reading is taken all the same', (payload, reason) => {
    const { send, ingest } = timed('ms');
    expect(send('x', payload).headers).not.toHaveProperty('edgelog.time');
    expect(ingest.status().routes[0]).toMatchObject({ records: 1, timeFaults: 1 });
    expect(ingest.status().lastFault).toMatch(reason);
  });
});

describe('Sparkplug B by a route', () => {
  const routes = [{ match: 'spBv1.0/#', sparkplug: 'json', timestamp: 'sparkplug' }] as const;
  const birth = sparkplugPayload(1_700_000_000_000n, 0n, [
    { name: 'Speed', alias: 4n, datatype: 10n, rest: [field(13, 1)] },
  ]);
  const data = sparkplugPayload(1_700_000_000_500n, 1n, [{ alias: 4n, rest: [field(13, 2)] }]);

  test('becomes JSON with its own time, births being remembered over a restart', () => {
    const { send, make, message, taken } = setUp([...routes]);
    send('spBv1.0/g/NBIRTH/n', birth);
    make().take(message('spBv1.0/g/NDATA/n', data));
    expect(JSON.parse(taken[1]!.value)).toMatchObject({ metrics: [{ name: 'Speed', value: 2 }] });
    expect(taken[1]!.headers).toMatchObject({ 'edgelog.sparkplug': 'json', 'edgelog.time': '1700000000500' });
  });

  test('an alias that no birth explains: the payload goes on as it came, and says so', () => {
    const { send, ingest, readings } = setUp([...routes]);
    expect(send('spBv1.0/g/NDATA/n', data).headers['edgelog.sparkplug']).toBe('unknown-alias');
    expect(readings[0]!.value).toEqual(data);
    expect(ingest.status().routes[0]).toMatchObject({ sparkplugRaw: 1, records: 1 });
    expect(ingest.status().lastFault).toMatch(/no birth of g\/n was seen that names alias 4/);
  });
});

test('what many messages share is decided once: nothing is made for a message but its reading', () => {
  const { ingest, message, readings } = setUp([{ match: 'a/{x}', topic: 't-{x}' }]);
  const one = message('a/b', '1');
  for (let i = 0; i < 2; i++) ingest.take(one);
  for (const { headers, value } of readings) {
    expect(headers).toBe(one.headers);
    expect(value).toBe(one.value);
  }
});
