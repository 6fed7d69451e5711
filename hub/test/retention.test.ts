import type { LogStoreStats } from '@edgelog/log';
import { apis } from '@edgelog/wire';
import { expect, onTestFinished, test } from 'vitest';
import { batchOf } from './support/batches.ts';
import { RawClient } from './support/raw-client.ts';
import { TestHub } from './support/test-hub.ts';

const LAST_YEAR = Date.now() - 365 * 86_400_000;

async function openHub() {
  const hub = await TestHub.start({ defaultPartitions: 1, retentionCheckMs: 20 });
  const client = await RawClient.connect(hub.hub.kafkaPort);
  onTestFinished(() => hub.close());
  onTestFinished(() => client.end());
  const create = async (name: string, configs: Record<string, string>) => {
    const topic = {
      name,
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    };
    const { topics } = await client.call(apis.createTopics, 5, { topics: [topic] });
    expect(topics[0]!.errorCode).toBe(0);
  };
  const retain = async (name: string, value: string) => {
    const configs = [{ name: 'retention.ms', configOperation: 0, value }];
    const resources = [{ resourceType: 2, resourceName: name, configs }];
    const altered = await client.call(apis.incrementalAlterConfigs, 1, { resources, validateOnly: false });
    expect(altered.responses[0]!.errorCode).toBe(0);
  };
  const produce = async (name: string, timestamp: number, text = 'a') => {
    const key = name === 'compacted' ? 'k' : null;
    const records = batchOf([text], { timestamp, key });
    const topicData = [{ name, partitionData: [{ index: 0, records }] }];
    const { responses } = await client.call(apis.produce, 9, { acks: -1, timeoutMs: 1, topicData });
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(0);
  };
  const offset = async (name: string, timestamp: number) => {
    const topics = [{ name, partitions: [{ partitionIndex: 0, timestamp }] }];
    const answer = await client.call(apis.listOffsets, 5, { replicaId: -1, topics });
    return answer.topics[0]!.partitions[0]!.offset;
  };
  const bounds = async (name: string) => [await offset(name, -2), await offset(name, -1)];
  return { hub, create, retain, produce, bounds };
}

test('records go by the time of their append and by size, and one line tells which', async () => {
  const { hub, create, produce, bounds } = await openHub();
  await create('short', { 'retention.ms': '300' });
  await create('small', { 'retention.ms': '-1', 'retention.bytes': '200' });
  await create('usual', {});
  await create('compacted', { 'cleanup.policy': 'compact', 'retention.ms': '0' });
  for (const name of ['short', 'small', 'usual', 'compacted']) {
    for (let i = 0; i < 5; i++) await produce(name, LAST_YEAR);
  }
  await expect.poll(() => bounds('short')).toEqual([5, 5]);
  await expect.poll(() => bounds('small')).toEqual([2, 5]); // batches of 69 bytes: three hold 200
  expect(await bounds('usual')).toEqual([0, 5]); // a year old, and appended just now
  expect(await bounds('compacted')).toEqual([0, 5]);

  const deleted = (topic: string) => {
    const lines = hub.logLines('past their retention').map((line) => JSON.parse(line));
    return lines.filter((line) => line.topic === topic).flatMap(({ deletions }) => deletions);
  };
  // It is told when it is on disk.
  await expect.poll(() => deleted('small').at(-1)).toMatchObject({ partition: 0, to: 2, by: 'size' });
  await expect.poll(() => deleted('short').at(-1)).toMatchObject({ partition: 0, to: 5, by: 'time' });
  const bytes = deleted('short').reduce((sum, one) => sum + one.bytes, 0);
  expect(bytes).toBe(5 * batchOf(['a']).length);

  await produce('short', LAST_YEAR);
  expect((await bounds('short'))[1]).toBe(6);
});

test('the disk is free soon after, though another topic keeps its records in the same segment', async () => {
  const { hub, create, retain, produce, bounds } = await openHub();
  const text = 'x'.repeat(600_000);
  await create('kept', {});
  await create('short', { 'retention.ms': '-1' });
  await produce('kept', LAST_YEAR);
  for (let i = 0; i < 20; i++) await produce('short', LAST_YEAR, text);
  const disk = () => (hub.hub.status() as { disk: LogStoreStats }).disk;
  const before = disk().physicalBytes;
  expect(before).toBeGreaterThan(20 * text.length);
  await retain('short', '500');
  await expect.poll(() => disk().physicalBytes).toBeLessThan(before / 10);
  await expect.poll(() => bounds('short')).toEqual([20, 20]);
  expect(await bounds('kept')).toEqual([0, 1]);
  await expect.poll(() => disk().deadBytes).toBeLessThan(before / 10);
  await expect.poll(() => hub.logLines('segment cleaned').length).toBeGreaterThan(0);
});
