import { apis, ErrorCode, type RequestInput } from '@edgelog/wire';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { batchOf } from './support/batches.ts';
import { RawClient } from './support/raw-client.ts';
import { TestHub } from './support/test-hub.ts';

const PARTITIONS = 1000;
const NO_ID = '00000000-0000-4000-8000-000000000000';
let hub: TestHub;
let client: RawClient;

beforeAll(async () => {
  hub = await TestHub.start();
});
afterAll(() => hub.close());
beforeEach(async () => {
  client = await RawClient.connect(hub.hub.kafkaPort);
});
afterEach(() => client.end());

async function createTopic(name: string, numPartitions: number): Promise<string> {
  const topics = [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }];
  const created = await client.call(apis.createTopics, 7, { topics });
  expect(created.topics[0]!.errorCode).toBe(0);
  return created.topics[0]!.topicId;
}

async function produce(name: string, index: number): Promise<void> {
  const topicData = [{ name, partitionData: [{ index, records: batchOf(['x']) }] }];
  const { responses } = await client.call(apis.produce, 9, { acks: -1, timeoutMs: 1000, topicData });
  expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(0);
}

type Topics = RequestInput<typeof apis.fetch>['topics'];

const fetch = (version: number, sessionId: number, sessionEpoch: number, topics: Topics = []) =>
  client.call(apis.fetch, version, { maxWaitMs: 0, minBytes: 1, sessionId, sessionEpoch, topics });

test('a consumer of 1,000 partitions asks and is told only what changes', async () => {
  await createTopic('many', PARTITIONS);
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
    partition,
    fetchOffset: 0,
    partitionMaxBytes: 1_000_000,
  }));
  const full = await fetch(12, 0, 0, [{ topic: 'many', partitions }]);
  expect(full.responses[0]!.partitions.length).toBe(PARTITIONS);
  const { sessionId } = full;
  expect(sessionId).toBeGreaterThan(0);

  expect(await fetch(12, sessionId, 1)).toMatchObject({ errorCode: 0, sessionId, responses: [] });
  await produce('many', 700);
  const changed = await fetch(12, sessionId, 2);
  expect(changed.responses.map(({ partitions }) => partitions.map((p) => p.partitionIndex))).toEqual([[700]]);

  const waits = { maxWaitMs: 60_000, minBytes: 1, sessionId };
  const readOn = [{ topic: 'many', partitions: [{ ...partitions[700]!, fetchOffset: 1 }] }];
  client.send(apis.fetch, 12, { ...waits, sessionEpoch: 3, topics: readOn });
  client.send(apis.produce, 9, {
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: 'many', partitionData: [{ index: 3, records: batchOf(['wakes it']) }] }],
  });
  const { body } = await client.receive(apis.fetch, 12);
  expect(body.responses[0]!.partitions.map((p) => p.partitionIndex)).toEqual([3]);
  await client.receive(apis.produce, 9);

  expect((await fetch(12, sessionId, 3)).errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH);
  expect(await fetch(12, sessionId, -1)).toMatchObject({ errorCode: 0, sessionId: 0, responses: [] });
  expect((await fetch(12, sessionId, 4)).errorCode).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
});

test('a topic that is deleted, and made again under its name, is another one to a session by ids', async () => {
  const topicId = await createTopic('again', 1);
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }];
  const { sessionId, responses } = await fetch(13, 0, 0, [{ topicId, partitions }]);
  expect(responses[0]!.partitions[0]!.errorCode).toBe(0);
  const errorAt = async (epoch: number) => {
    const answer = await fetch(13, sessionId, epoch);
    expect(answer.responses[0]!.topicId).toBe(topicId);
    return answer.responses[0]!.partitions[0]!.errorCode;
  };
  await client.call(apis.deleteTopics, 5, { topicNames: ['again'], timeoutMs: 1000 });
  expect(await errorAt(1)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  const newId = await createTopic('again', 1);
  expect(await errorAt(2)).toBe(ErrorCode.INCONSISTENT_TOPIC_ID);
  const moved = await client.call(apis.fetch, 13, {
    ...{ maxWaitMs: 0, minBytes: 1, sessionId, sessionEpoch: 3 },
    topics: [{ topicId: newId, partitions }],
    forgottenTopicsData: [{ topicId, partitions: [0] }],
  });
  expect(moved.responses).toMatchObject([{ topicId: newId, partitions: [{ errorCode: 0 }] }]);
  const unknown = await fetch(13, 0, -1, [{ topicId: NO_ID, partitions }]);
  expect(unknown.responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID);
});
