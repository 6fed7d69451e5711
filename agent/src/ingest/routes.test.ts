import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryDir, testAgent, testHub, until } from '../testing/fixture.ts';
import { MemoryHub } from '../testing/memory-hub.ts';
import { routesSchema } from './schema.ts';

const run = promisify(execFile);

test("old record times make the hub delete data on arrival (Kafka): a device's old time is a header, the record has the gateway's", async () => {
  const hub = new MemoryHub();
  const server = await testHub(hub);
  const agent = await testAgent({
    dataDir: temporaryDir(),
    hub: [server.url],
    routes: routesSchema.parse([{ match: '#', timestamp: { path: 'ts', format: 'iso' } }]),
  });
  const startedMs = Date.now();
  const payload = '{"ts":"2001-02-03T04:05:06Z"}';
  await run('mosquitto_pub', [
    '-h',
    '127.0.0.1',
    '-p',
    `${agent.mqttPort}`,
    '-t',
    't',
    '-q',
    '1',
    '-m',
    payload,
  ]);
  await until('it is at the hub', () => hub.records().length === 1);
  const [record] = hub.records();
  expect(record!.timestamp).toBeGreaterThanOrEqual(startedMs - 1000);
  const said = record!.headers.find(({ key }) => key === 'edgelog.time');
  expect(Number(said?.value)).toBe(Date.UTC(2001, 1, 3, 4, 5, 6));
});

test('a device publishes, and each of its messages is where the routes say, on the hub and in the counters', async () => {
  const hub = new MemoryHub();
  const server = await testHub(hub);
  const agent = await testAgent({
    dataDir: temporaryDir(),
    hub: [server.url],
    routes: routesSchema.parse([
      { match: 'alarm/{where}', topic: 'alarms', key: '{where}', stop: false },
      { match: 'debug/#', drop: true },
      { match: '{area}/+', topic: 'area-{area}', headers: { by: '{client}' } },
    ]),
  });
  const publish = (topic: string, qos: string, ...rest: string[]) =>
    run('mosquitto_pub', [
      '-h',
      '127.0.0.1',
      '-p',
      `${agent.mqttPort}`,
      '-i',
      'dev',
      '-t',
      topic,
      '-q',
      qos,
      ...rest,
    ]);
  await publish('alarm/gate', '2', '-m', 'open');
  await publish('debug/x/y', '1', '-m', 'noise');
  await publish('debug/x/y', '2', '-m', 'noise');
  await publish('else/where/deep', '1', '-m', 'plain');
  await until('all is acknowledged', () => {
    const { streams } = agent.status();
    return streams.length === 3 && streams.every(({ lagRecords }) => lagRecords === 0);
  });
  const at = (topic: string) => hub.records(topic).map(({ key, value }) => `${key!}=${value!}`);
  expect([at('alarms'), at('area-alarm'), at('telemetry')]).toEqual([
    ['gate=open'],
    ['alarm/gate=open'],
    ['else/where/deep=plain'],
  ]);
  const by = hub.records('area-alarm')[0]!.headers.find(({ key }) => key === 'by');
  expect(by?.value?.toString()).toBe('dev');
  expect(agent.status().ingest).toMatchObject({
    unrouted: 1,
    routedTopics: 1,
    routes: [
      { name: 'route 1', matched: 1, records: 1 },
      { name: 'route 2', matched: 2, dropped: 2, records: 0 },
      { name: 'route 3', matched: 1, records: 1 },
    ],
  });
});
