import { loadSettings } from '@edgelog/runtime';
import { expect, test } from 'vitest';
import { agentSettingsSchema, defaultGateway, segmentBytesOf } from './settings.ts';

const load = (...argv: string[]) =>
  loadSettings({
    command: 'edgelog agent',
    summary: '',
    schema: agentSettingsSchema,
    argv: ['--data-dir', 'd', ...argv],
    env: {},
  });

test('defaults are those of the design', () => {
  const settings = load();
  expect(settings).toMatchObject({
    hub: ['ws://127.0.0.1:7420'],
    mqtt: '127.0.0.1:1883',
    http: '127.0.0.1:7422',
    topic: 'telemetry',
    compression: 'zstd',
    gateway: defaultGateway(),
  });
  expect(segmentBytesOf(settings)).toBe(256 * 2 ** 20);
});

test('sizes and times of the file may have a unit, those of lines and routes too', () => {
  const given = {
    dataDir: 'd',
    maxDiskBytes: '4GiB',
    lingerMs: '2s',
    serial: [{ port: '/dev/ttyUSB0', silenceMs: '60s' }],
    routes: [{ match: 'a/#', sample: { onChange: true, atLeastEveryMs: '10m' } }],
  };
  expect(agentSettingsSchema.parse(given)).toMatchObject({
    maxDiskBytes: 2 ** 32,
    lingerMs: 2_000,
    serial: [{ silenceMs: 60_000 }],
    routes: [{ sample: { atLeastEveryMs: 600_000 } }],
  });
});

test('lists may be given with commas or by repeating the flag', () => {
  const settings = load(
    '--hub',
    'ws://a:1,wss://b:2/sync',
    '--serial',
    '/dev/ttyUSB0@9600',
    '--serial',
    '/dev/ttyS1',
  );
  expect(settings.hub).toEqual(['ws://a:1', 'wss://b:2/sync']);
  expect(settings.serial).toMatchObject([{ port: '/dev/ttyUSB0', baudRate: 9600 }, { port: '/dev/ttyS1' }]);
});

test.each([[['--hub', 'kafka://a:9092,b:9092']], [['--hub', 'kafka://a:9092', '--hub', 'b:9092']]])(
  '%j is one Kafka cluster: commas part its brokers',
  (argv) => {
    expect(load(...argv).hub).toEqual(['kafka://a:9092,b:9092']);
  },
);

test('what shows a Kafka cluster who this is', () => {
  const given = ['--hub', 'kafka+tls://a:9093', '--kafka-sasl', 'plain', '--kafka-user', 'plant-7'];
  expect(load(...given, '--kafka-password', 'x')).toMatchObject({
    kafkaUser: 'plant-7',
    sinkCreateTopics: true,
  });
  expect(() => load(...given)).toThrow(/EDGELOG_KAFKA_PASSWORD/);
});

test.each([
  [['--gateway', 'two words'], /--gateway.*two words/],
  [['--hub', 'kafka://a'], /--hub.*kafka:\/\/a.*HOST:PORT/],
  [['--hub', 'kafka://a:1', '--hub', 'ws://b:2'], /--hub.*one of the two/],
  [['--hub', 'kafka://a:1', '--hub', 'kafka://b:2'], /--hub.*one URL: kafka:\/\/a:9092,b:9092/],
  [['--hub', 'kafka://a:1', '--uplink-proxy', 'http://p:3128'], /--uplink-proxy.*advertises/],
  [['--kafka-user', 'plant-7'], /--kafka-user.*of no use without --hub kafka:/],
  [['--sink-partitions', '3'], /--sink-partitions.*of no use without --hub kafka:/],
  [['--hub', 'kafka://a:1', '--kafka-ca', 'ca.pem'], /kafka\+tls/],
  [['--hub', 'http://x'], /--hub.*http:\/\/x.*ws:\/\//],
  [['--mqtt', '127.0.0.1:99999'], /--mqtt.*99999/],
  [['--topic', 'a/b'], /--topic.*a\/b/],
  [['--serial', '/dev/ttyS0@fast'], /--serial.*fast/],
  [['--compression', 'rar'], /--compression.*rar.*zstd/],
  [['--linger', '5'], /--linger.*--linger-ms/],
])('%j is refused, naming key, value and what is allowed', (argv, expected) => {
  expect(() => load(...argv)).toThrow(expected);
});

test.each([
  ['pi-4.local', 'pi-4.local'],
  ['Kühlhaus 3', 'K-hlhaus-3'],
  ['--', 'gateway'],
])('host %j is gateway %j by default', (host, gateway) => {
  expect(defaultGateway(host)).toBe(gateway);
});
