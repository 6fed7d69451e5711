import { loadSettings } from '@edgelog/runtime';
import { describe, expect, test } from 'vitest';
import { hubCommandSettings, modeOf } from './command-settings.ts';

const load = (...argv: string[]) =>
  modeOf(loadSettings({ command: 'edgelog hub', summary: '', schema: hubCommandSettings, argv, env: {} }));

describe('a broker', () => {
  test('has a data directory, and no settings of a sink', () => {
    const { broker, gateway } = load('--data-dir', 'd', '--default-partitions', '3');
    expect(broker).toMatchObject({ dataDir: 'd', defaultPartitions: 3 });
    expect(broker).not.toHaveProperty('sinkCreateTopics');
    expect(gateway).toBeUndefined();
  });

  test.each([
    [[], /--data-dir: required, unless --sink/],
    [['--data-dir', 'd', '--kafka-user', 'u'], /--kafka-user.*of no use without --sink/],
    [['--data-dir', 'd', '--sink-partitions', '3'], /--sink-partitions.*of no use without --sink/],
    [['--data-dir', 'd', '--etcd', 'http://e:2379'], /--broker-id: required with --etcd/],
  ])('%j is refused by name', (argv, expected) => {
    expect(() => load(...argv)).toThrow(expected);
  });
});

describe('a sync gateway', () => {
  test('needs nothing but its cluster', () => {
    const { broker, gateway } = load('--sink', 'kafka://a:9092,b:9092', '--sync', '0.0.0.0:7420');
    expect(gateway).toMatchObject({
      sink: 'kafka://a:9092,b:9092',
      sync: '0.0.0.0:7420',
      http: '127.0.0.1:7421',
    });
    expect(broker).toBeUndefined();
  });

  test.each([
    [['--data-dir', 'd'], /--data-dir.*of no use with --sink/],
    [['--kafka', '0.0.0.0:9092'], /--kafka = .*of no use with --sink/],
    [['--etcd', 'http://e:2379', '--broker-id', '1'], /--etcd.*of no use with --sink/],
    [['--kafka-ca', 'ca.pem'], /--sink.*kafka\+tls/],
    [['--kafka-sasl', 'plain', '--kafka-user', 'u'], /--sink.*EDGELOG_KAFKA_PASSWORD/],
  ])('%j is refused by name', (argv, expected) => {
    expect(() => load('--sink', 'kafka://a:9092', ...argv)).toThrow(expected);
  });

  test('a URL that is none of Kafka is refused', () => {
    expect(() => load('--sink', 'ws://a:7420')).toThrow(/--sink.*kafka:\/\//);
  });
});
