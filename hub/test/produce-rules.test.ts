import { apis, ErrorCode, iterateRecords, RecordsEncoder } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { batchOf } from './support/batches.ts';
import { RawClient } from './support/raw-client.ts';
import { TestHub } from './support/test-hub.ts';

let hub: TestHub;
let client: RawClient;

beforeAll(async () => {
  hub = await TestHub.start();
  client = await RawClient.connect(hub.hub.kafkaPort);
});
afterAll(async () => {
  client.end();
  await hub.close();
});

async function createTopic(name: string, configs: Record<string, string>): Promise<void> {
  const given = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
  const topics = [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: given }];
  expect((await client.call(apis.createTopics, 7, { topics })).topics[0]!.errorCode).toBe(0);
}

async function produce(name: string, records: Buffer) {
  const topicData = [{ name, partitionData: [{ index: 0, records }] }];
  const { responses } = await client.call(apis.produce, 9, { acks: -1, timeoutMs: 1000, topicData });
  return responses[0]!.partitionResponses[0]!;
}

test("LogAppendTime gives records the hub's time, under a valid CRC, and finds them by it", async () => {
  await createTopic('stamped', { 'message.timestamp.type': 'LogAppendTime' });
  const before = Date.now();
  const batch = () =>
    batchOf(['a', 'b'], { producerId: 9, producerEpoch: 0, baseSequence: 0, compression: 'lz4' });
  const taken = await produce('stamped', batch());
  expect(taken).toMatchObject({ errorCode: 0, baseOffset: 0 });
  expect(taken.logAppendTimeMs).toBeGreaterThanOrEqual(before);
  expect(await produce('stamped', batch())).toMatchObject({ errorCode: 0, baseOffset: 0 });

  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 10_000 }];
  const topics = [{ topic: 'stamped', partitions }];
  const answer = await client.call(apis.fetch, 12, { maxWaitMs: 0, minBytes: 1, topics });
  const { records } = answer.responses[0]!.partitions[0]!;
  const times = Array.from(iterateRecords(records!), ({ timestamp }) => timestamp);
  expect(times).toEqual([taken.logAppendTimeMs, taken.logAppendTimeMs]);
  const found = await client.call(apis.listOffsets, 7, {
    replicaId: -1,
    topics: [{ name: 'stamped', partitions: [{ partitionIndex: 0, timestamp: before }] }],
  });
  expect(found.topics[0]!.partitions[0]).toMatchObject({ offset: 0, timestamp: taken.logAppendTimeMs });
});

test('a batch damaged on its way is not given a new CRC', async () => {
  await createTopic('stamped-bad', { 'message.timestamp.type': 'LogAppendTime' });
  const batch = batchOf(['a', 'b']);
  batch[batch.length - 1]! ^= 1;
  expect((await produce('stamped-bad', batch)).errorCode).toBe(ErrorCode.CORRUPT_MESSAGE);
});

test('timestamps outside the limits of their topic are refused', async () => {
  const limits = { 'message.timestamp.before.max.ms': '60000', 'message.timestamp.after.max.ms': '60000' };
  await createTopic('timely', limits);
  const errorAt = async (timestamp: number) =>
    (await produce('timely', batchOf(['x'], { timestamp }))).errorCode;
  expect(await errorAt(Date.now())).toBe(0);
  expect(await errorAt(Date.now() - 120_000)).toBe(ErrorCode.INVALID_TIMESTAMP);
  expect(await errorAt(Date.now() + 120_000)).toBe(ErrorCode.INVALID_TIMESTAMP);
  expect(await errorAt(-1)).toBe(0);
});

test('records without a key are refused by a topic that is compacted, in any codec', async () => {
  await createTopic('compacted', { 'cleanup.policy': 'delete,compact' });
  const keyed = (key: string | null) => {
    const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: 0 });
    for (const each of ['k', key]) encoder.append({ timestamp: 0, key: each, value: null });
    return encoder.sealSync({ compression: 'zstd', producerId: -1, producerEpoch: -1, baseSequence: -1 });
  };
  expect(await produce('compacted', keyed('l'))).toMatchObject({ errorCode: 0 });
  expect(await produce('compacted', keyed(null))).toMatchObject({
    errorCode: ErrorCode.INVALID_RECORD,
    errorMessage: expect.stringContaining('record 1 has no key'),
  });
  expect(await produce('compacted', batchOf(['x']))).toMatchObject({ errorCode: ErrorCode.INVALID_RECORD });
});

test('a partition whose offset is asked for twice is told so, the others are answered', async () => {
  await createTopic('twice', {});
  const ask = (partitionIndex: number) => ({ partitionIndex, timestamp: -1 });
  const topics = [
    { name: 'twice', partitions: [ask(0), ask(0)] },
    { name: 'timely', partitions: [ask(0)] },
  ];
  const answer = await client.call(apis.listOffsets, 7, { replicaId: -1, topics });
  const errors = answer.topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
  expect(errors).toEqual([[ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_REQUEST], [0]]);
});
