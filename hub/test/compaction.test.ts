import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { expect, onTestFinished, test } from 'vitest';
import { TestHub } from './support/test-hub.ts';

const run = promisify(execFile);

/** What Kafka's own demonstrations set to see a topic compacted soon. */
const SOON = { 'cleanup.policy': 'compact', 'segment.ms': '1', 'min.cleanable.dirty.ratio': '0.001' };

async function openHub() {
  const hub = await TestHub.start({ defaultPartitions: 1, retentionCheckMs: 50 });
  onTestFinished(() => hub.close());
  const kafka = new Kafka({ clientId: 'test', brokers: [hub.bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  onTestFinished(() => admin.disconnect());
  const create = (topic: string, configs: Record<string, string>) => {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
    return admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] });
  };
  return { hub, kafka, create };
}

async function kcat(hub: TestHub, args: readonly string[], input = ''): Promise<string> {
  const running = run('kcat', ['-b', hub.bootstrap, ...args], { timeout: 60_000 });
  running.child.stdin!.end(input);
  return (await running).stdout;
}

const lines = (records: readonly [key: string, value: string][]) =>
  records.map(([key, value]) => `${key}:${value}\n`).join('');

/** offset:key=value of all that there is from the offset on. */
async function consume(hub: TestHub, topic: string, offset: number | 'beginning' = 'beginning') {
  const stdout = await kcat(hub, ['-C', '-t', topic, '-o', String(offset), '-e', '-q', '-f', '%o:%k=%s\\n']);
  return stdout.split('\n').filter((line) => line !== '');
}

const withoutOffsets = (seen: readonly string[]) => seen.map((line) => line.slice(line.indexOf(':') + 1));
const offsets = (seen: readonly string[]) => seen.map((line) => Number.parseInt(line, 10));

test.each(['none', 'zstd'])(
  'a compacted topic (%s) comes to hold the last value of each key, readable at every offset',
  async (codec) => {
    const { hub, create, kafka } = await openHub();
    await create('latest', SOON);
    const produce = (input: string) =>
      kcat(hub, ['-P', '-t', 'latest', '-K', ':', '-z', codec, '-X', 'enable.idempotence=true'], input);
    for (let round = 0; round < 5; round++) {
      await produce(lines(Array.from({ length: 40 }, (_, i) => [`k${i % 10}`, `${round}.${i}`])));
    }
    const expected = Array.from({ length: 10 }, (_, i) => `k${i}=4.${30 + i}`);
    await expect.poll(async () => withoutOffsets(await consume(hub, 'latest'))).toEqual(expected);
    const seen = await consume(hub, 'latest');
    expect(offsets(seen)).toEqual(Array.from({ length: 10 }, (_, i) => 190 + i));
    for (const offset of [1, 57, 189, 195, 199]) {
      expect(await consume(hub, 'latest', offset)).toEqual(
        seen.filter((line) => Number.parseInt(line, 10) >= offset),
      );
    }
    await expect.poll(() => hub.logLines('partition compacted').length).toBeGreaterThan(0);

    if (codec !== 'none') return; // kafkajs reads no zstd by itself
    const consumer = kafka.consumer({ groupId: `group-${codec}` });
    await consumer.connect();
    onTestFinished(() => consumer.disconnect());
    await consumer.subscribe({ topics: ['latest'], fromBeginning: true });
    const met: string[] = [];
    const all = Promise.withResolvers<void>();
    const eachMessage = async ({ message }: { message: { key: Buffer | null; value: Buffer | null } }) => {
      met.push(`${message.key}=${message.value}`);
      if (met.length === expected.length) all.resolve();
    };
    consumer.run({ eachMessage }).catch(all.reject);
    await all.promise;
    expect(met).toEqual(expected);
  },
);

test('tombstones delete their keys and vanish, and an idempotent producer goes on over it all', async () => {
  const { hub, create, kafka } = await openHub();
  await create('deleted', { ...SOON, 'delete.retention.ms': '300' });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  onTestFinished(() => producer.disconnect());
  const send = (key: string, value: string | null) =>
    producer.send({ topic: 'deleted', messages: [{ key, value }] });
  await send('a', '1');
  await send('b', '1');
  await send('a', null);
  await expect.poll(async () => withoutOffsets(await consume(hub, 'deleted'))).toEqual(['b=1']);
  await send('c', '1');
  await send('b', '2');
  await expect.poll(async () => consume(hub, 'deleted')).toEqual(['3:c=1', '4:b=2']);
  await send('c', null);
  await send('b', null);
  await expect.poll(async () => consume(hub, 'deleted')).toEqual([]);
  const [sent] = await send('d', '1');
  expect(sent).toMatchObject({ baseOffset: '7', errorCode: 0 });
  expect(await consume(hub, 'deleted', 0)).toEqual(['7:d=1']);
});

test('with compact and delete old records go as well, and disk follows', async () => {
  const { hub, create } = await openHub();
  await create('both', { ...SOON, 'cleanup.policy': 'compact,delete', 'retention.bytes': '300000' });
  await create('kept', { 'segment.ms': '1' });
  await kcat(hub, ['-P', '-t', 'kept'], 'one\ntwo\n');
  const value = 'x'.repeat(3000);
  for (let round = 0; round < 3; round++) {
    const records = Array.from({ length: 300 }, (_, i): [string, string] => [`k${i}`, value]);
    await kcat(hub, ['-P', '-t', 'both', '-K', ':', '-X', 'batch.size=10000'], lines(records));
  }
  await expect.poll(async () => (await consume(hub, 'both')).length).toBeLessThan(160);
  const seen = await consume(hub, 'both');
  expect(seen.length * value.length).toBeGreaterThan(290_000);
  expect(offsets(seen).at(-1)).toBe(899);
  expect(withoutOffsets(await consume(hub, 'kept'))).toEqual(['=one', '=two']);
  expect(hub.logLines('"level":"error"')).toEqual([]);
});

test("the group coordinator's topic says that it is compacted", async () => {
  const { kafka } = await openHub();
  const admin = kafka.admin();
  await admin.connect();
  onTestFinished(() => admin.disconnect());
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: 2, name: '__consumer_offsets', configNames: ['cleanup.policy'] }],
  });
  expect(resources[0]!.configEntries[0]).toMatchObject({ configValue: 'compact' });
});
