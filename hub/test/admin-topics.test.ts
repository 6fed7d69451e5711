import { apis, ErrorCode, ZERO_UUID } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { batchOf } from './support/batches.ts';
import { RawClient } from './support/raw-client.ts';
import { TestHub } from './support/test-hub.ts';
import { versionsOf } from './support/versions.ts';

let hub: TestHub;
let client: RawClient;

beforeAll(async () => {
  hub = await TestHub.start({ defaultPartitions: 1 });
  client = await RawClient.connect(hub.hub.kafkaPort);
});
afterAll(async () => {
  client.end();
  await hub.close();
});

async function restart(): Promise<void> {
  client.end();
  await hub.hub.stop();
  await hub.start({ defaultPartitions: 1 });
  client = await RawClient.connect(hub.hub.kafkaPort);
}

async function create(name: string, configs: { name: string; value: string }[] = []): Promise<void> {
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs };
  const { topics } = await client.call(apis.createTopics, 5, { topics: [topic] });
  expect(topics[0]!.errorCode).toBe(0);
}

async function produce(name: string, index = 0): Promise<number> {
  const topicData = [{ name, partitionData: [{ index, records: batchOf(['a', 'b']) }] }];
  const { responses } = await client.call(apis.produce, 9, { acks: -1, timeoutMs: 1, topicData });
  return responses[0]!.partitionResponses[0]!.errorCode;
}

async function offsets(name: string): Promise<number[]> {
  const ask = async (timestamp: number) => {
    const topics = [{ name, partitions: [{ partitionIndex: 0, timestamp }] }];
    const answer = await client.call(apis.listOffsets, 5, { replicaId: -1, topics });
    return answer.topics[0]!.partitions[0]!.offset;
  };
  return [await ask(-2), await ask(-1)];
}

test.each(versionsOf(apis.createPartitions))(
  'CreatePartitions %i adds and never takes away',
  async (version) => {
    const name = `grown-${version}`;
    await create(name);
    const ask = async (
      count: number,
      more: { name?: string; brokerIds?: number[]; validateOnly?: boolean } = {},
    ) => {
      const assignments = more.brokerIds === undefined ? null : [{ brokerIds: more.brokerIds }];
      const { results } = await client.call(apis.createPartitions, version, {
        topics: [{ name: more.name ?? name, count, assignments }],
        timeoutMs: 1000,
        validateOnly: more.validateOnly ?? false,
      });
      return results[0]!.errorCode;
    };
    expect(await ask(2, { validateOnly: true })).toBe(0);
    expect(await produce(name, 1)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect(await ask(2, { brokerIds: [9] })).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(await ask(3, { brokerIds: [1] })).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(await ask(2, { brokerIds: [1] })).toBe(0);
    expect(await produce(name, 1)).toBe(0);
    expect(await ask(2)).toBe(ErrorCode.INVALID_PARTITIONS);
    expect(await ask(1)).toBe(ErrorCode.INVALID_PARTITIONS);
    expect(await ask(10_001)).toBe(ErrorCode.INVALID_PARTITIONS);
    expect(await ask(3, { name: 'missing' })).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect(await ask(99, { name: '__consumer_offsets' })).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
  },
);

test('a topic named twice in one request gets no partitions, and one answer', async () => {
  await create('twice');
  const asked = { name: 'twice', count: 2, assignments: null };
  const { results } = await client.call(apis.createPartitions, 3, {
    topics: [asked, asked],
    timeoutMs: 1000,
    validateOnly: false,
  });
  expect(results.map(({ errorCode }) => errorCode)).toEqual([ErrorCode.INVALID_REQUEST]);
});

test('a topic named twice in one request is not deleted, be it by name and by id', async () => {
  const ask = async (topics: { name: string | null; topicId: string }[]) => {
    const { responses } = await client.call(apis.deleteTopics, 6, { topics, timeoutMs: 1000 });
    return responses.map(({ errorCode }) => errorCode);
  };
  await create('named-twice');
  const asked = [{ name: 'named-twice', topicId: ZERO_UUID }];
  const { topics } = await client.call(apis.metadata, 12, { topics: asked });
  expect(await ask([...asked, ...asked])).toEqual([ErrorCode.INVALID_REQUEST]);
  expect(await ask([...asked, { name: null, topicId: topics[0]!.topicId }])).toEqual([
    ErrorCode.INVALID_REQUEST,
  ]);
  expect(await produce('named-twice')).toBe(0);
  expect(await ask(asked)).toEqual([0]);
});

test('a name that differs from another topic in dots and underscores only is refused until that one is gone', async () => {
  const errorOf = async (name: string) => {
    const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
    return (await client.call(apis.createTopics, 5, { topics: [topic] })).topics[0]!.errorCode;
  };
  const remove = (name: string) =>
    client.call(apis.deleteTopics, 6, { topics: [{ name, topicId: ZERO_UUID }], timeoutMs: 1000 });
  expect(await errorOf('dotted.a_b')).toBe(0);
  for (const other of ['dotted_a_b', 'dotted.a.b', 'dotted_a.b'])
    expect(await errorOf(other), other).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
  expect(await errorOf('dotted.ab')).toBe(0);
  await remove('dotted.a_b');
  expect(await errorOf('dotted_a_b')).toBe(0);
  expect(await errorOf('dotted.a.b')).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
});

test.each(versionsOf(apis.deleteRecords))('DeleteRecords %i moves the log start', async (version) => {
  const name = `shortened-${version}`;
  await create(name);
  for (let i = 0; i < 3; i++) expect(await produce(name)).toBe(0);
  const ask = async (offset: number, topic = name, partitionIndex = 0) => {
    const { topics } = await client.call(apis.deleteRecords, version, {
      topics: [{ name: topic, partitions: [{ partitionIndex, offset }] }],
      timeoutMs: 1000,
    });
    const { errorCode, lowWatermark } = topics[0]!.partitions[0]!;
    return [errorCode, lowWatermark];
  };
  expect(await ask(3)).toEqual([0, 3]);
  expect(await offsets(name)).toEqual([3, 6]);
  expect(await ask(1)).toEqual([0, 3]);
  expect(await ask(7)).toEqual([ErrorCode.OFFSET_OUT_OF_RANGE, -1]);
  expect(await ask(-2)).toEqual([ErrorCode.OFFSET_OUT_OF_RANGE, -1]);
  expect(await ask(-1)).toEqual([0, 6]);
  expect(await offsets(name)).toEqual([6, 6]);
  expect(await ask(0, 'missing')).toEqual([ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1]);
  expect(await ask(0, name, 5)).toEqual([ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1]);
  expect(await ask(0, '__consumer_offsets')).toEqual([ErrorCode.INVALID_TOPIC_EXCEPTION, -1]);
});

test('records of a topic that is only compacted cannot be deleted', async () => {
  await create('compacted', [{ name: 'cleanup.policy', value: 'compact' }]);
  const partitions = [{ partitionIndex: 0, offset: -1 }];
  const { topics } = await client.call(apis.deleteRecords, 2, {
    topics: [{ name: 'compacted', partitions }],
    timeoutMs: 1000,
  });
  expect(topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.POLICY_VIOLATION);
});

test('a parked fetch below the new log start is told at once', async () => {
  await create('parked');
  await produce('parked');
  const parked = await RawClient.connect(hub.hub.kafkaPort);
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }];
  parked.send(apis.fetch, 11, {
    maxWaitMs: 50_000,
    minBytes: 1_000_000,
    topics: [{ topic: 'parked', partitions }],
  });
  await client.call(apis.deleteRecords, 2, {
    topics: [{ name: 'parked', partitions: [{ partitionIndex: 0, offset: -1 }] }],
    timeoutMs: 1000,
  });
  const { body } = await parked.receive(apis.fetch, 11);
  expect(body.responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  parked.end();
});

test('partitions that were added and records that were deleted stay so over a restart', async () => {
  await restart();
  expect(await offsets('shortened-2')).toEqual([6, 6]);
  const { topics } = await client.call(apis.metadata, 5, { topics: [{ name: 'grown-3' }] });
  expect(topics[0]!.partitions).toHaveLength(2);
  expect(await produce('grown-3', 1)).toBe(0);
});
