import { apis, ErrorCode, ZERO_UUID } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RawClient } from './support/raw-client.ts';
import { TestHub } from './support/test-hub.ts';

/** Small requests that would keep the hub busy for minutes, or fill its memory, if it took them literally. */

const PARTITIONS = 1_000;
const TIMES = 20_000;

let hub: TestHub;
let client: RawClient;

beforeAll(async () => {
  hub = await TestHub.start();
  client = await RawClient.connect(hub.hub.kafkaPort);
  const wide = {
    name: 'wide',
    numPartitions: PARTITIONS,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  };
  await client.call(apis.createTopics, 7, { topics: [wide] });
});
afterAll(async () => {
  client.end();
  await hub.close();
});

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const newTopic = (name: string, numPartitions = 1) => ({
  name,
  numPartitions,
  replicationFactor: 1,
  assignments: [],
  configs: [],
});

test('a topic named many times in Metadata is described once', async () => {
  const { topics } = await client.call(apis.metadata, 9, { topics: times(TIMES, () => ({ name: 'wide' })) });
  expect(topics.map(({ partitions }) => partitions.length)).toEqual([PARTITIONS]);
});

test('a resource named many times in DescribeConfigs is described once', async () => {
  const resource = { resourceType: 2, resourceName: 'wide', configurationKeys: null };
  const { results } = await client.call(apis.describeConfigs, 4, { resources: times(TIMES, () => resource) });
  expect(results.length).toBe(1);
});

test('groups and partitions named many times are described once', async () => {
  const groups = times(TIMES, () => 'no-group');
  expect((await client.call(apis.describeGroups, 5, { groups })).groups.length).toBe(1);
  const asked = { groups: groups.map((groupId) => ({ groupId, topics: null })) };
  expect((await client.call(apis.offsetFetch, 8, asked)).groups.length).toBe(1);
  const described = await client.call(apis.consumerGroupDescribe, 0, {
    groupIds: groups,
    includeAuthorizedOperations: false,
  });
  expect(described.groups.length).toBe(1);
  const topics = times(TIMES, () => ({ name: 'wide', partitionIndexes: [0, 0] }));
  const producers = await client.call(apis.describeProducers, 0, { topics });
  expect(producers.topics.map(({ partitions }) => partitions.length)).toEqual([1]);
});

test('a request for more than 10,000 new partitions creates none of its topics', async () => {
  for (const validateOnly of [true, false]) {
    const topics = times(11, (i) => newTopic(`excess-${i}`, 1_000));
    const answer = await client.call(apis.createTopics, 7, { topics, validateOnly });
    expect(new Set(answer.topics.map(({ errorCode }) => errorCode))).toEqual(
      new Set([ErrorCode.POLICY_VIOLATION]),
    );
  }
});

test('thousands of distinct names and configs in one request are not compared with each other', async () => {
  const created = await client.call(apis.createTopics, 4, {
    topics: times(TIMES, (i) => newTopic(`many.${i}`, 0)),
  });
  expect(created.topics.length).toBe(TIMES);
  const grown = times(TIMES, (i) => ({ name: `many-${i}`, count: 2, assignments: null }));
  const { results } = await client.call(apis.createPartitions, 3, {
    topics: grown,
    timeoutMs: 1000,
    validateOnly: false,
  });
  expect(results.length).toBe(TIMES);
  const configs = times(TIMES, (i) => ({ name: `key-${i}`, configOperation: 0, value: '' }));
  const altered = await client.call(apis.incrementalAlterConfigs, 1, {
    resources: [{ resourceType: 2, resourceName: 'wide', configs }],
    validateOnly: false,
  });
  expect(altered.responses[0]!.errorCode).toBe(ErrorCode.INVALID_CONFIG);
  const users = times(TIMES, (i) => ({ name: `user-${i}` }));
  expect((await client.call(apis.describeUserScramCredentials, 0, { users })).results.length).toBe(TIMES);
});

test('half of a producer id, and an empty transactional id, are no request for one', async () => {
  const ask = async (over: object) => {
    const asked = { transactionalId: null, transactionTimeoutMs: 1000, ...over };
    return (await client.call(apis.initProducerId, 4, asked)).errorCode;
  };
  expect(await ask({ producerId: 5, producerEpoch: 0 })).toBe(0);
  expect(await ask({ producerId: 5 })).toBe(ErrorCode.INVALID_REQUEST);
  expect(await ask({ producerEpoch: 0 })).toBe(ErrorCode.INVALID_REQUEST);
  expect(await ask({ transactionalId: '' })).toBe(ErrorCode.INVALID_REQUEST);
});

test('from version 5 on SyncGroup needs the protocol that the member means', async () => {
  const asked = { groupId: 'g', generationId: 1, memberId: 'm', assignments: [] };
  expect((await client.call(apis.syncGroup, 4, asked)).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  expect((await client.call(apis.syncGroup, 5, asked)).errorCode).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
});

test('the hub has a greatest number of partitions, and says so to whoever wants more', async () => {
  const full = await TestHub.start({ offsetsPartitions: 1, defaultPartitions: 10_000 });
  try {
    const own = await RawClient.connect(full.hub.kafkaPort);
    const errorOf = async (name: string, partitions: number) =>
      (await own.call(apis.createTopics, 4, { topics: [newTopic(name, partitions)] })).topics[0]!.errorCode;
    for (let i = 0; i < 9; i++) expect(await errorOf(`full-${i}`, 10_000)).toBe(0);
    expect(await errorOf('one-too-many', 10_000)).toBe(ErrorCode.POLICY_VIOLATION);
    const { topics } = await own.call(apis.metadata, 9, { topics: [{ name: 'made-by-use' }] });
    expect(topics[0]).toMatchObject({ errorCode: ErrorCode.POLICY_VIOLATION, partitions: [] });
    expect(await errorOf('small', 5_000)).toBe(0);
    const grown = await own.call(apis.createPartitions, 3, {
      topics: [{ name: 'small', count: 10_000, assignments: null }],
      timeoutMs: 1000,
      validateOnly: false,
    });
    expect(grown.results[0]!.errorCode).toBe(ErrorCode.POLICY_VIOLATION);
    const gone = await own.call(apis.deleteTopics, 6, {
      topics: [{ name: 'full-0', topicId: ZERO_UUID }],
      timeoutMs: 1000,
    });
    expect(gone.responses[0]!.errorCode).toBe(0);
    expect(await errorOf('after-deletion', 10_000)).toBe(0);
    own.end();
  } finally {
    await full.close();
  }
});
