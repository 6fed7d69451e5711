import { apis, ErrorCode } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RawClient } from './support/raw-client.ts';
import { TestHub } from './support/test-hub.ts';
import { versionsOf } from './support/versions.ts';

/** What a standalone broker answers to those who would change its place in a cluster: as a cluster of one. */
let hub: TestHub;
let client: RawClient;

beforeAll(async () => {
  hub = await TestHub.start({ offsetsPartitions: 1 });
  client = await RawClient.connect(hub.hub.kafkaPort);
  const topic = { name: 'a', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] };
  const { topics } = await client.call(apis.createTopics, 5, { topics: [topic] });
  expect(topics[0]!.errorCode).toBe(0);
});
afterAll(async () => {
  client.end();
  await hub.close();
});

test.each(versionsOf(apis.electLeaders))('ElectLeaders %i has nobody else to elect', async (version) => {
  const topicPartitions = [
    { topic: 'a', partitions: [1, 1, 7] },
    { topic: 'missing', partitions: [0] },
  ];
  for (const electionType of version >= 1 ? [0, 1] : [0]) {
    const type = version >= 1 ? { electionType } : {};
    const answer = await client.call(apis.electLeaders, version, { ...type, topicPartitions });
    expect(answer.errorCode).toBe(0);
    expect(
      answer.replicaElectionResults.map(({ topic, partitionResult }) => [
        topic,
        partitionResult.map(({ partitionId, errorCode }) => [partitionId, errorCode]),
      ]),
    ).toEqual([
      [
        'a',
        [
          [1, ErrorCode.ELECTION_NOT_NEEDED],
          [7, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
        ],
      ],
      ['missing', [[0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]]],
    ]);
    const all = await client.call(apis.electLeaders, version, { ...type, topicPartitions: null });
    expect(all.errorCode).toBe(0);
    expect(all.replicaElectionResults.flatMap(({ partitionResult }) => partitionResult)).toEqual([]);
  }
});

test('ElectLeaders refuses a kind of election that there is not', async () => {
  const topicPartitions = [{ topic: 'a', partitions: [0] }];
  const answer = await client.call(apis.electLeaders, 2, { electionType: 2, topicPartitions });
  expect(answer).toMatchObject({
    errorCode: ErrorCode.INVALID_REQUEST,
    replicaElectionResults: [{ topic: 'a', partitionResult: [{ errorCode: ErrorCode.INVALID_REQUEST }] }],
  });
});

test.each(versionsOf(apis.alterPartitionReassignments))(
  'AlterPartitionReassignments %i takes what is already so',
  async (version) => {
    const reassigned = async (replicas: number[] | null, partitionIndex = 1, name = 'a') => {
      const topics = [{ name, partitions: [{ partitionIndex, replicas }] }];
      const answer = await client.call(apis.alterPartitionReassignments, version, { topics });
      expect(answer).toMatchObject({ errorCode: 0, errorMessage: null, allowReplicationFactorChange: true });
      return answer.responses[0]!.partitions[0]!.errorCode;
    };
    expect(await reassigned([1])).toBe(ErrorCode.NONE);
    expect(await reassigned([2])).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(await reassigned([1, 2])).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(await reassigned([1, 1])).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(await reassigned([])).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(await reassigned(null)).toBe(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS);
    expect(await reassigned([1], 7)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect(await reassigned([1], 0, 'missing')).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  },
);

test('AlterPartitionReassignments keeps the number of replicas where it has to', async () => {
  const topics = [{ name: 'a', partitions: [{ partitionIndex: 0, replicas: [1, 2] }] }];
  const answer = await client.call(apis.alterPartitionReassignments, 1, {
    allowReplicationFactorChange: false,
    topics,
  });
  expect(answer.allowReplicationFactorChange).toBe(false);
  expect(answer.responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.INVALID_REPLICATION_FACTOR);
});

test('ListPartitionReassignments has none', async () => {
  for (const topics of [null, [{ name: 'a', partitionIndexes: [0, 0, 7] }]]) {
    const answer = await client.call(apis.listPartitionReassignments, 0, { topics });
    expect(answer).toMatchObject({ errorCode: 0, errorMessage: null, topics: [] });
  }
});

test('UnregisterBroker forgets neither itself nor whom it does not know', async () => {
  const itself = await client.call(apis.unregisterBroker, 0, { brokerId: 1 });
  expect(itself).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST });
  const stranger = await client.call(apis.unregisterBroker, 0, { brokerId: 9 });
  expect(stranger).toMatchObject({ errorCode: ErrorCode.BROKER_ID_NOT_REGISTERED });
});

test('the rate of moves is set while the broker runs, and taken back', async () => {
  const BROKER = 4;
  const rate = 'follower.replication.throttled.rate';
  const alter = async (name: string, configOperation: number, value: string | null, resourceName = '1') => {
    const configs = [{ name, configOperation, value }];
    const resources = [{ resourceType: BROKER, resourceName, configs }];
    const { responses } = await client.call(apis.incrementalAlterConfigs, 1, {
      resources,
      validateOnly: false,
    });
    return responses[0]!.errorCode;
  };
  const described = async () => {
    const resources = [{ resourceType: BROKER, resourceName: '1', configurationKeys: [rate] }];
    const { results } = await client.call(apis.describeConfigs, 4, { resources });
    return results[0]!.configs[0]!;
  };
  expect(await described()).toMatchObject({ configSource: 5, readOnly: false, value: '9223372036854775807' });
  expect(await alter(rate, 0, '1000000')).toBe(ErrorCode.NONE);
  expect(await described()).toMatchObject({ configSource: 2, readOnly: false, value: '1000000' });
  expect(await alter(rate, 0, 'fast')).toBe(ErrorCode.INVALID_CONFIG);
  expect(await alter('num.partitions', 0, '3')).toBe(ErrorCode.INVALID_REQUEST);
  expect(await alter(rate, 0, '1', '2')).toBe(ErrorCode.INVALID_REQUEST);
  expect(await alter(rate, 0, '1', '')).toBe(ErrorCode.INVALID_REQUEST);
  await hub.hub.stop();
  await hub.start({ offsetsPartitions: 1 });
  client.end();
  client = await RawClient.connect(hub.hub.kafkaPort);
  expect(await described()).toMatchObject({ configSource: 2, value: '1000000' });
  for (const name of [rate, 'leader.replication.throttled.rate'])
    expect(await alter(name, 1, null)).toBe(ErrorCode.NONE);
  expect(await described()).toMatchObject({ configSource: 5 });
});
