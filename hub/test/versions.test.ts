import { type Api, apis, ErrorCode, ZERO_UUID } from '@edgelog/wire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { batchOf } from './support/batches.ts';
import { RawClient } from './support/raw-client.ts';
import { TestHub } from './support/test-hub.ts';
import { versionsOf } from './support/versions.ts';

const TOPIC = 'every-version';
let hub: TestHub;
let client: RawClient;
let topicId: string;
let end = 0;

beforeAll(async () => {
  hub = await TestHub.start({ defaultPartitions: 2 });
  client = await RawClient.connect(hub.hub.kafkaPort);
  const { topics } = await client.call(apis.metadata, 10, { topics: [{ name: TOPIC }] });
  topicId = topics[0]!.topicId;
  expect(topicId).not.toBe(ZERO_UUID);
});
afterAll(async () => {
  client.end();
  await hub.close();
});

describe('each version of each API is answered', () => {
  test.each(versionsOf(apis.apiVersions))('ApiVersions %i', async (version) => {
    const named = version >= 3 ? { clientSoftwareName: 'raw', clientSoftwareVersion: '1.0' } : {};
    const { errorCode, apiKeys } = await client.call(apis.apiVersions, version, named);
    expect(errorCode).toBe(0);
    expect(apiKeys.length).toBe(Object.values<Api>(apis).filter(({ isInternal }) => !isInternal).length);
  });

  test.each(versionsOf(apis.metadata))('Metadata %i', async (version) => {
    const answer = await client.call(apis.metadata, version, { topics: [{ name: TOPIC }] });
    expect(answer.brokers).toEqual([{ nodeId: 1, host: '127.0.0.1', port: hub.hub.kafkaPort, rack: null }]);
    expect(answer.topics[0]).toMatchObject({ errorCode: 0, name: TOPIC });
    expect(answer.topics[0]!.partitions.map(({ leaderId, isrNodes }) => [leaderId, isrNodes])).toEqual([
      [1, [1]],
      [1, [1]],
    ]);
    const all = await client.call(apis.metadata, version, { topics: version === 0 ? [] : null });
    expect(all.topics.map(({ name }) => name).sort()).toEqual(['__consumer_offsets', TOPIC]);
  });

  test.each(versionsOf(apis.produce))('Produce %i', async (version) => {
    const topic = version >= 13 ? { topicId } : { name: TOPIC };
    const topicData = [{ ...topic, partitionData: [{ index: 0, records: batchOf(['a', 'b']) }] }];
    const { responses } = await client.call(apis.produce, version, { acks: -1, timeoutMs: 1, topicData });
    expect(responses[0]).toMatchObject(topic);
    expect(responses[0]!.partitionResponses[0]).toMatchObject({ index: 0, errorCode: 0, baseOffset: end });
    end += 2;
  });

  test.each(versionsOf(apis.fetch))('Fetch %i', async (version) => {
    const topic = version >= 13 ? { topicId } : { topic: TOPIC };
    const partitions = [{ partition: 0, fetchOffset: end - 1, partitionMaxBytes: 1_000_000 }];
    const body = { maxWaitMs: 1000, minBytes: 1, topics: [{ ...topic, partitions }] };
    const { responses } = await client.call(apis.fetch, version, body);
    expect(responses[0]).toMatchObject(topic);
    const [partition] = responses[0]!.partitions;
    expect(partition).toMatchObject({ errorCode: 0, highWatermark: end, lastStableOffset: end });
    expect(partition!.records!.equals(patched(batchOf(['a', 'b']), end - 2))).toBe(true);
  });

  test.each(versionsOf(apis.listOffsets))('ListOffsets %i', async (version) => {
    const ask = async (timestamp: number) => {
      const topics = [{ name: TOPIC, partitions: [{ partitionIndex: 0, timestamp }] }];
      const answer = await client.call(apis.listOffsets, version, { replicaId: -1, topics });
      const { errorCode, offset, timestamp: at } = answer.topics[0]!.partitions[0]!;
      return [errorCode, offset, at];
    };
    expect(await ask(-1)).toEqual([0, end, -1]);
    expect(await ask(-2)).toEqual([0, 0, -1]);
    expect(await ask(1_700_000_000_000)).toEqual([0, 0, 1_700_000_000_000]);
    expect(await ask(1_700_000_000_001)).toEqual([0, -1, -1]);
    const unsupported = [ErrorCode.UNSUPPORTED_VERSION, -1, -1];
    expect(await ask(-3)).toEqual(version >= 7 ? [0, 0, 1_700_000_000_000] : unsupported);
    expect(await ask(-4)).toEqual(version >= 8 ? [0, 0, -1] : unsupported);
    expect(await ask(-5)).toEqual(version >= 9 ? [0, -1, -1] : unsupported);
    expect(await ask(-6)).toEqual(unsupported);
  });

  test.each(versionsOf(apis.findCoordinator))('FindCoordinator %i', async (version) => {
    const body = version >= 4 ? { coordinatorKeys: ['g'] } : { key: 'g' };
    const answer = await client.call(apis.findCoordinator, version, body);
    const found = version >= 4 ? answer.coordinators[0] : answer;
    expect(found).toMatchObject({ errorCode: 0, nodeId: 1, host: '127.0.0.1', port: hub.hub.kafkaPort });
  });

  test.each(versionsOf(apis.initProducerId))('InitProducerId %i', async (version) => {
    const ask = { transactionTimeoutMs: 1000, transactionalId: null };
    const first = await client.call(apis.initProducerId, version, ask);
    const second = await client.call(apis.initProducerId, version, ask);
    expect(first).toMatchObject({ errorCode: 0, producerEpoch: 0 });
    expect(second.producerId).toBeGreaterThan(first.producerId);
    const refused = await client.call(apis.initProducerId, version, { ...ask, transactionalId: 't' });
    expect(refused).toMatchObject({
      errorCode: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
      producerId: -1,
    });
  });

  test.each(versionsOf(apis.createTopics))('CreateTopics %i', async (version) => {
    const name = `created-${version}`;
    const make = (configs: { name: string; value: string }[], validateOnly = false) =>
      client.call(apis.createTopics, version, {
        topics: [{ name, numPartitions: 3, replicationFactor: 1, assignments: [], configs }],
        validateOnly,
      });
    expect((await make([], true)).topics[0]!.errorCode).toBe(0);
    expect((await make([{ name: 'retention', value: '1' }])).topics[0]!.errorCode).toBe(
      ErrorCode.INVALID_CONFIG,
    );
    const made = await make([{ name: 'cleanup.policy', value: 'compact' }]);
    expect(made.topics[0]).toMatchObject({ name, errorCode: 0 });
    if (version >= 5) expect(made.topics[0]).toMatchObject({ numPartitions: 3, replicationFactor: 1 });
    expect((await make([])).topics[0]!.errorCode).toBe(ErrorCode.TOPIC_ALREADY_EXISTS);
  });

  test.each(versionsOf(apis.deleteTopics))('DeleteTopics %i', async (version) => {
    const name = `deleted-${version}`;
    await client.call(apis.metadata, 4, { topics: [{ name }] });
    const body = version >= 6 ? { topics: [{ name, topicId: ZERO_UUID }] } : { topicNames: [name] };
    const first = await client.call(apis.deleteTopics, version, { ...body, timeoutMs: 1 });
    expect(first.responses[0]).toMatchObject({ name, errorCode: 0 });
    const again = await client.call(apis.deleteTopics, version, { ...body, timeoutMs: 1 });
    expect(again.responses[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });

  test.each(versionsOf(apis.consumerGroupHeartbeat))('ConsumerGroupHeartbeat %i', async (version) => {
    const groupId = `kip-848-${version}`;
    const member = { groupId, memberId: 'a', memberEpoch: 0, topicPartitions: [] };
    const subscription = { subscribedTopicNames: [TOPIC], rebalanceTimeoutMs: 1_000 };
    const answer = await client.call(apis.consumerGroupHeartbeat, version, { ...member, ...subscription });
    expect(answer).toMatchObject({ errorCode: 0, memberId: 'a', memberEpoch: 1 });
    expect(answer.assignment!.topicPartitions).toEqual([{ topicId, partitions: [0, 1] }]);
  });

  test.each(versionsOf(apis.consumerGroupDescribe))('ConsumerGroupDescribe %i', async (version) => {
    const groupIds = ['kip-848-0', 'never-was'];
    const { groups } = await client.call(apis.consumerGroupDescribe, version, {
      groupIds,
      includeAuthorizedOperations: false,
    });
    expect(groups[1]).toMatchObject({ groupId: 'never-was', errorCode: ErrorCode.GROUP_ID_NOT_FOUND });
    expect(groups[0]).toMatchObject({
      errorCode: 0,
      groupState: 'Stable',
      groupEpoch: 1,
      assignorName: 'uniform',
    });
    const [member] = groups[0]!.members;
    expect(member).toMatchObject({ memberId: 'a', memberEpoch: 1, memberType: version === 0 ? -1 : 1 });
    expect(member!.assignment.topicPartitions).toEqual([{ topicId, topicName: TOPIC, partitions: [0, 1] }]);
  });

  test.each(versionsOf(apis.deleteGroups))('DeleteGroups %i', async (version) => {
    const groupsNames = ['never-was', 'never-was'];
    const { results } = await client.call(apis.deleteGroups, version, { groupsNames });
    expect(results).toEqual([{ groupId: 'never-was', errorCode: ErrorCode.GROUP_ID_NOT_FOUND }]);
  });

  test.each(versionsOf(apis.offsetDelete))('OffsetDelete %i', async (version) => {
    const topics = [{ name: TOPIC, partitions: [{ partitionIndex: 0 }] }];
    const answer = await client.call(apis.offsetDelete, version, { groupId: 'never-was', topics });
    expect(answer).toMatchObject({ errorCode: ErrorCode.GROUP_ID_NOT_FOUND, topics: [] });
  });

  test.each(versionsOf(apis.describeConfigs))('DescribeConfigs %i', async (version) => {
    const resources = [
      { resourceType: 2, resourceName: TOPIC, configurationKeys: ['preallocate', 'max.message.bytes'] },
      { resourceType: 4, resourceName: '1', configurationKeys: null },
      { resourceType: 2, resourceName: 'missing', configurationKeys: null },
    ];
    const documented = version >= 3 ? { includeDocumentation: true } : {};
    const { results } = await client.call(apis.describeConfigs, version, { resources, ...documented });
    expect(results.map(({ errorCode }) => errorCode)).toEqual([0, 0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]);
    expect(results[0]!.configs.map(({ name, value }) => [name, value])).toEqual([
      ['max.message.bytes', '1048588'],
      ['preallocate', 'false'],
    ]);
    if (version >= 3) expect(results[0]!.configs[1]!.documentation).toContain('no effect');
    expect(results[1]!.configs.find(({ name }) => name === 'num.partitions')!.value).toBe('2');
  });

  test.each(versionsOf(apis.offsetForLeaderEpoch))('OffsetForLeaderEpoch %i', async (version) => {
    const ask = async (leaderEpoch: number) => {
      const topics = [{ topic: TOPIC, partitions: [{ partition: 0, leaderEpoch }] }];
      const answer = await client.call(apis.offsetForLeaderEpoch, version, { topics });
      return answer.topics[0]!.partitions[0];
    };
    expect(await ask(0)).toMatchObject({ errorCode: 0, leaderEpoch: 0, endOffset: end });
    expect(await ask(1)).toMatchObject({ errorCode: 0, leaderEpoch: -1, endOffset: -1 });
  });

  test.each(versionsOf(apis.describeCluster))('DescribeCluster %i', async (version) => {
    const answer = await client.call(apis.describeCluster, version, {
      includeClusterAuthorizedOperations: false,
    });
    expect(answer).toMatchObject({ errorCode: 0, clusterId: hub.hub.clusterId, controllerId: 1 });
    expect(answer.brokers).toMatchObject([{ brokerId: 1, host: '127.0.0.1', port: hub.hub.kafkaPort }]);
  });

  test('DescribeProducers 0', async () => {
    const idempotent = batchOf(['x'], { producerId: 5, producerEpoch: 0, baseSequence: 0 });
    const topicData = [{ name: TOPIC, partitionData: [{ index: 1, records: idempotent }] }];
    await client.call(apis.produce, 9, { acks: 1, timeoutMs: 1, topicData });
    const answer = await client.call(apis.describeProducers, 0, {
      topics: [{ name: TOPIC, partitionIndexes: [1, 7] }],
    });
    const [known, missing] = answer.topics[0]!.partitions;
    expect(known!.activeProducers).toMatchObject([{ producerId: 5, producerEpoch: 0, lastSequence: 0 }]);
    expect(missing!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });
});

function patched(batch: Buffer, baseOffset: number): Buffer {
  batch.writeBigInt64BE(BigInt(baseOffset), 0);
  batch.writeInt32BE(0, 12);
  return batch;
}
