import { apis, ErrorCode, ZERO_UUID } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { batchOf } from './support/batches.ts';
import { RawClient } from './support/raw-client.ts';
import { TestHub } from './support/test-hub.ts';
import { versionsOf } from './support/versions.ts';

const TOPIC_OPERATIONS = 0b110111111000;
const CLUSTER_OPERATIONS = 0b1111110100000;
let hub: TestHub;
let client: RawClient;

beforeAll(async () => {
  hub = await TestHub.start({ offsetsPartitions: 2 });
  client = await RawClient.connect(hub.hub.kafkaPort);
  for (const [name, numPartitions] of [
    ['a', 3],
    ['b', 2],
    ['c', 1],
  ] as const) {
    const topic = { name, numPartitions, replicationFactor: 1, assignments: [], configs: [] };
    const { topics } = await client.call(apis.createTopics, 5, { topics: [topic] });
    expect(topics[0]!.errorCode).toBe(0);
  }
});
afterAll(async () => {
  client.end();
  await hub.close();
});

test.each(versionsOf(apis.describeLogDirs))('DescribeLogDirs %i tells what lies on disk', async (version) => {
  const before = await sizeOfA(version);
  const batch = batchOf(['a', 'b']);
  const topicData = [{ name: 'a', partitionData: [{ index: 1, records: batch }] }];
  await client.call(apis.produce, 9, { acks: -1, timeoutMs: 1, topicData });
  expect((await sizeOfA(version)) - before).toBe(batch.length);

  const { results, errorCode } = await client.call(apis.describeLogDirs, version, { topics: null });
  expect(errorCode).toBe(0);
  expect(results).toMatchObject([{ errorCode: 0, logDir: hub.dir }]);
  expect(results[0]!.topics.map(({ name, partitions }) => [name, partitions.length]).sort()).toEqual([
    ['__consumer_offsets', 2],
    ['a', 3],
    ['b', 2],
    ['c', 1],
  ]);
  if (version >= 4) {
    const { totalBytes, usableBytes } = results[0]!;
    expect(usableBytes).toBeGreaterThan(0);
    expect(totalBytes).toBeGreaterThanOrEqual(usableBytes);
  }
  const some = await client.call(apis.describeLogDirs, version, {
    topics: [
      { topic: 'missing', partitions: [0] },
      { topic: 'c', partitions: [0, 7] },
    ],
  });
  const empty = { partitionIndex: 0, partitionSize: 0, offsetLag: 0, isFutureKey: false };
  expect(some.results[0]!.topics).toEqual([{ name: 'c', partitions: [empty] }]);
});

async function sizeOfA(version: number): Promise<number> {
  const topics = [{ topic: 'a', partitions: [1] }];
  const { results } = await client.call(apis.describeLogDirs, version, { topics });
  return results[0]!.topics[0]!.partitions[0]!.partitionSize;
}

interface Cursor {
  topicName: string;
  partitionIndex: number;
}

async function page(names: string[], responsePartitionLimit: number, cursor: Cursor | null) {
  const topics = names.map((name) => ({ name }));
  const body = { topics, responsePartitionLimit, cursor };
  const answer = await client.call(apis.describeTopicPartitions, 0, body);
  const seen = answer.topics.map(({ name, errorCode, partitions }) => [
    name,
    errorCode === 0 ? partitions.map(({ partitionIndex }) => partitionIndex) : errorCode,
  ]);
  return { seen, next: answer.nextCursor };
}

test('DescribeTopicPartitions goes through all topics page by page', async () => {
  const seen: unknown[] = [];
  let cursor: Cursor | null = null;
  do {
    const answer = await page([], 2, cursor);
    seen.push(answer.seen);
    cursor = answer.next;
  } while (cursor !== null);
  expect(seen).toEqual([
    [['__consumer_offsets', [0, 1]]],
    [['a', [0, 1]]],
    [
      ['a', [2]],
      ['b', [0]],
    ],
    [
      ['b', [1]],
      ['c', [0]],
    ],
  ]);
});

test('DescribeTopicPartitions describes what is named and creates nothing', async () => {
  const answer = await page(['c', 'missing', 'a', 'a'], 2000, null);
  expect(answer).toEqual({
    seen: [
      ['a', [0, 1, 2]],
      ['c', [0]],
      ['missing', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ],
    next: null,
  });
  const { topics } = await client.call(apis.describeTopicPartitions, 0, { topics: [{ name: 'c' }] });
  expect(topics[0]).toMatchObject({ topicAuthorizedOperations: TOPIC_OPERATIONS, isInternal: false });
  expect(topics[0]!.topicId).not.toBe(ZERO_UUID);
  expect(topics[0]!.partitions[0]).toMatchObject({ leaderId: 1, leaderEpoch: 0, isrNodes: [1] });
});

test('DescribeTopicPartitions refuses a cursor that lies outside', async () => {
  const invalid = [['a', ErrorCode.INVALID_REQUEST]];
  expect((await page(['a'], 10, { topicName: 'b', partitionIndex: 0 })).seen).toEqual(invalid);
  expect((await page(['a'], 10, { topicName: 'a', partitionIndex: -1 })).seen).toEqual(invalid);
});

test('ListConfigResources lists topics and the broker, and version 0 client metrics only', async () => {
  const { configResources } = await client.call(apis.listConfigResources, 1, {});
  expect(configResources.map((one) => [one.resourceType, one.resourceName]).sort()).toEqual([
    [2, '__consumer_offsets'],
    [2, 'a'],
    [2, 'b'],
    [2, 'c'],
    [4, '1'],
  ]);
  const brokers = await client.call(apis.listConfigResources, 1, { resourceTypes: [4, 8, 16, 32] });
  expect(brokers.configResources).toEqual([{ resourceType: 4, resourceName: '1' }]);
  const unknown = await client.call(apis.listConfigResources, 1, { resourceTypes: [3] });
  expect(unknown.errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION);
  const metrics = await client.call(apis.listConfigResources, 0, {});
  expect(metrics).toMatchObject({ errorCode: 0, configResources: [] });
});

test.each(versionsOf(apis.describeClientQuotas))('DescribeClientQuotas %i has none', async (version) => {
  const components = [{ entityType: 'user', matchType: 0, match: 'u' }];
  const answer = await client.call(apis.describeClientQuotas, version, { components, strict: false });
  expect(answer).toMatchObject({ errorCode: 0, errorMessage: null, entries: [] });
});

test('DescribeUserScramCredentials knows no users', async () => {
  const all = await client.call(apis.describeUserScramCredentials, 0, { users: null });
  expect(all).toMatchObject({ errorCode: 0, results: [] });
  const users = ['u', 'v', 'v'].map((name) => ({ name }));
  const { results } = await client.call(apis.describeUserScramCredentials, 0, { users });
  expect(results.map(({ user, errorCode }) => [user, errorCode])).toEqual([
    ['u', ErrorCode.RESOURCE_NOT_FOUND],
    ['v', ErrorCode.DUPLICATE_RESOURCE],
  ]);
});

test.each(versionsOf(apis.describeDelegationToken))(
  'DescribeDelegationToken %i is refused to the unknown',
  async (version) => {
    const { errorCode, tokens } = await client.call(apis.describeDelegationToken, version, { owners: null });
    expect([errorCode, tokens]).toEqual([ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, []]);
  },
);

test.each(versionsOf(apis.describeQuorum))('DescribeQuorum %i names the hub alone', async (version) => {
  const partitions = [{ partitionIndex: 0 }, { partitionIndex: 1 }];
  const answer = await client.call(apis.describeQuorum, version, {
    topics: [{ topicName: '__cluster_metadata', partitions }],
  });
  const [known, unknown] = answer.topics[0]!.partitions;
  expect(known).toMatchObject({ errorCode: 0, leaderId: 1, leaderEpoch: 0, observers: [] });
  expect(known!.currentVoters.map(({ replicaId }) => replicaId)).toEqual([1]);
  expect(unknown!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  const listener = { name: 'PLAINTEXT', host: '127.0.0.1', port: hub.hub.kafkaPort };
  expect(answer.nodes).toEqual(version >= 2 ? [{ nodeId: 1, listeners: [listener] }] : []);
});

test('Metadata finds a topic by its id, whatever name comes with it', async () => {
  const { topics } = await client.call(apis.metadata, 12, { topics: [{ name: 'a' }] });
  const { topicId } = topics[0]!;
  for (const name of [null, '', 'b']) {
    const byId = await client.call(apis.metadata, 12, { topics: [{ name, topicId }] });
    expect(byId.topics).toMatchObject([{ errorCode: 0, name: 'a', topicId }]);
  }
  const other = topicId.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  for (const version of [10, 11, 12, 13]) {
    const body = { topics: [{ name: null, topicId: other }] };
    const missing = await client.call(apis.metadata, version, body);
    expect(missing.topics).toMatchObject([{ errorCode: ErrorCode.UNKNOWN_TOPIC_ID, topicId: other }]);
  }
});

test('who asks for authorized operations may do everything', async () => {
  for (const version of [8, 9, 10, 11, 13]) {
    const answer = await client.call(apis.metadata, version, {
      topics: [{ name: 'a' }],
      includeTopicAuthorizedOperations: true,
      ...(version <= 10 ? { includeClusterAuthorizedOperations: true } : {}),
    });
    expect(answer.topics[0]!.topicAuthorizedOperations).toBe(TOPIC_OPERATIONS);
    if (version <= 10) expect(answer.clusterAuthorizedOperations).toBe(CLUSTER_OPERATIONS);
  }
  for (const version of versionsOf(apis.describeCluster)) {
    const answer = await client.call(apis.describeCluster, version, {
      includeClusterAuthorizedOperations: true,
    });
    expect(answer.clusterAuthorizedOperations).toBe(CLUSTER_OPERATIONS);
  }
});
