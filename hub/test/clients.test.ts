import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestHub } from './support/test-hub.ts';

const run = promisify(execFile);
let hub: TestHub;

beforeAll(async () => {
  hub = await TestHub.start({ defaultPartitions: 3 });
});
afterAll(async () => {
  await hub.close();
  expect(hub.logLines('"level":"error"')).toEqual([]);
});

/** All of a topic as kcat reads it: key=value, sorted. */
async function readWithKcat(topic: string): Promise<string[]> {
  const args = ['-b', hub.bootstrap, '-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%k=%s\\n'];
  const { stdout } = await run('kcat', args, { timeout: 60_000 });
  return stdout.trim().split('\n').sort();
}

const pairs = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: `v${i}` }));
const sorted = (records: { key: string; value: string }[]) =>
  records.map(({ key, value }) => `${key}=${value}`).sort();

test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
  'kcat produces %s, idempotent, and consumes it',
  async (codec) => {
    const topic = `kcat-${codec}`;
    const args = [
      '-b',
      hub.bootstrap,
      '-P',
      '-t',
      topic,
      '-K',
      ':',
      '-z',
      codec,
      '-X',
      'enable.idempotence=true',
    ];
    const producing = run('kcat', args, { timeout: 60_000 });
    producing.child.stdin!.end(
      pairs(500)
        .map(({ key, value }) => `${key}:${value}\n`)
        .join(''),
    );
    await producing;
    expect(await readWithKcat(topic)).toEqual(sorted(pairs(500)));
  },
);

test('kafkajs creates a topic, produces, consumes in a group, and finds its offsets', async () => {
  const kafka = new Kafka({ clientId: 'test', brokers: [hub.bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'kafkajs', numPartitions: 2 }], waitForLeaders: true });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  await producer.send({ topic: 'kafkajs', messages: pairs(300), compression: CompressionTypes.GZIP });
  expect(await readWithKcat('kafkajs')).toEqual(sorted(pairs(300)));

  const consumer = kafka.consumer({ groupId: 'kafkajs-group' });
  await consumer.connect();
  await consumer.subscribe({ topics: ['kafkajs'], fromBeginning: true });
  const seen: { key: string; value: string }[] = [];
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async ({ message }: { message: { key: Buffer | null; value: Buffer | null } }) => {
      seen.push({ key: String(message.key), value: String(message.value) });
      if (seen.length === 300) resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  expect(sorted(seen)).toEqual(sorted(pairs(300)));
  await consumer.disconnect();
  const [committed] = await admin.fetchOffsets({ groupId: 'kafkajs-group', topics: ['kafkajs'] });
  const ends = await admin.fetchTopicOffsets('kafkajs');
  const byPartition = (offsets: { partition: number; offset: string }[]) =>
    offsets.map(({ partition, offset }) => `${partition}:${offset}`).sort();
  expect(byPartition(committed!.partitions)).toEqual(byPartition(ends));
  expect((await admin.describeGroups(['kafkajs-group'])).groups[0]!.state).toBe('Empty');
  await admin.deleteTopics({ topics: ['kafkajs'] });
  expect(await admin.listTopics()).not.toContain('kafkajs');
  await producer.disconnect();
  await admin.disconnect();
});

test('@platformatic/kafka produces and consumes in a group', async () => {
  const common = { clientId: 'test', bootstrapBrokers: [hub.bootstrap], autocreateTopics: true };
  const producer = new Producer({ ...common, serializers: stringSerializers, idempotent: true });
  const messages = pairs(200).map((pair) => ({ topic: 'platformatic', ...pair }));
  await producer.send({ messages });
  await producer.close();
  expect(await readWithKcat('platformatic')).toEqual(sorted(pairs(200)));

  const consumer = new Consumer({
    ...common,
    groupId: 'platformatic-group',
    deserializers: stringDeserializers,
  });
  const stream = await consumer.consume({ topics: ['platformatic'], mode: 'earliest', autocommit: true });
  const seen: { key: string; value: string }[] = [];
  stream.on('data', ({ key, value }) => seen.push({ key: key!, value: value! }));
  while (seen.length < 200) await once(stream, 'data');
  expect(sorted(seen)).toEqual(sorted(pairs(200)));
  await stream.close();
  await consumer.close();
});
