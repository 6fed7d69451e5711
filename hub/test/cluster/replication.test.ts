import { until } from '@edgelog/sim';
import { apis, ErrorCode, iterateBatches, iterateRecords } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConnectionClosed, RawClient } from '../support/raw-client.ts';
import { TestBrokers } from './support.ts';

let brokers: TestBrokers;
beforeAll(async () => {
  brokers = await TestBrokers.start(3, { retentionCheckMs: 50 });
});
afterAll(() => brokers.close());

/** What the broker gives of the topic from its beginning, once it knows that so much is committed: who has just begun to lead is told. */
async function untilCommitted(id: number, topic: string, end: number, rack = ''): Promise<Buffer> {
  let records: Buffer | null = null;
  await until(async () => {
    const answer = await brokers.fetch(id, topic, 0, { rack });
    records = answer.records;
    return answer.errorCode === ErrorCode.NONE && answer.highWatermark === end;
  }, `broker ${id} knows that ${end} records are committed`);
  return records!;
}

const values = (count: number, text = 'v') => Array.from({ length: count }, (_, i) => `${text}${i}`);

test('what is acknowledged by all is on all disks, and consumers see it', async () => {
  await brokers.createTopic('first', [[1, 2, 3]]);
  expect(await brokers.untilLed('first')).toBe(1);
  expect(await brokers.produce(1, 'first', ['a', 'b'])).toBe(0);
  expect(await brokers.produce(1, 'first', ['c'])).toBe(2);
  const { highWatermark, errorCode } = await brokers.fetch(1, 'first', 0);
  expect({ highWatermark, errorCode }).toEqual({ highWatermark: 3, errorCode: 0 });
});

test('a broker that does not lead refuses, and says who does', async () => {
  await expect(brokers.produce(2, 'first', ['x'])).rejects.toThrow('NOT_LEADER_OR_FOLLOWER');
  expect(await brokers.fetch(2, 'first', 0)).toMatchObject({
    errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
    currentLeader: { leaderId: 1 },
  });
});

test('a consumer that says where it stands reads from any replica in sync', async () => {
  await until(
    async () => (await brokers.fetch(3, 'first', 0, { rack: 'somewhere' })).highWatermark === 3,
    'the follower knows the high watermark',
  );
  const { records } = await brokers.fetch(3, 'first', 0, { rack: 'somewhere' });
  expect(records!.length).toBeGreaterThan(0);
});

test('the leader sends a consumer to the replica in its rack', async () => {
  const near = await brokers.fetch(1, 'first', 0, { rack: 'rack-3' });
  expect(near).toMatchObject({ errorCode: 0, preferredReadReplica: 3 });
  expect(near.records).toHaveLength(0);
  expect(await brokers.fetch(1, 'first', 0, { rack: 'rack-1' })).toMatchObject({ preferredReadReplica: -1 });
  expect(await brokers.fetch(1, 'first', 0, { rack: 'elsewhere' })).toMatchObject({
    preferredReadReplica: -1,
  });
});

test('below min.insync.replicas nothing is taken with acks=all', async () => {
  await brokers.createTopic('strict', [[1, 2]], { 'min.insync.replicas': '2' });
  await brokers.untilLed('strict', 0, 1);
  await brokers.untilInSync('strict', [1, 2]);
  await brokers.produce(1, 'strict', ['both']);
  await brokers.stop(2);
  await brokers.untilInSync('strict', [1]);
  await expect(brokers.produce(1, 'strict', ['one'])).rejects.toThrow('NOT_ENOUGH_REPLICAS');
  expect(await brokers.produce(1, 'strict', ['one'], { acks: 1 })).toBe(1);
  expect((await brokers.fetch(1, 'strict', 0)).highWatermark).toBe(1);
  await brokers.add(2);
  await brokers.untilInSync('strict', [1, 2]);
  await untilCommitted(1, 'strict', 2);
});

test('when the leader leaves, another one leads at once with all that was acknowledged', async () => {
  await brokers.createTopic('moving', [[3, 1, 2]]);
  await brokers.untilLed('moving', 0, 3);
  for (let i = 0; i < 20; i++) await brokers.produce(3, 'moving', [`${i}`]);
  await brokers.stop(3);
  await brokers.untilLed('moving', 0, 1);
  expect((await untilCommitted(1, 'moving', 20)).length).toBeGreaterThan(0);
  expect(await brokers.produce(1, 'moving', ['more'])).toBe(20);
  await brokers.add(3);
  await brokers.untilInSync('moving', [1, 2, 3]);
});

test('a replica that lost its disk begins where its leader does, with what that knows of producers', async () => {
  const producer = { producerId: 77, producerEpoch: 0 };
  await brokers.createTopic('bootstrap', [[1, 2]], { 'min.insync.replicas': '1' });
  await brokers.untilLed('bootstrap', 0, 1);
  await brokers.produce(1, 'bootstrap', values(10), { ...producer, baseSequence: 0 });
  await brokers.produce(1, 'bootstrap', values(5), { ...producer, baseSequence: 10 });
  await brokers.untilInSync('bootstrap', [1, 2]);
  await brokers.stop(2);
  brokers.wipe(2);
  const deleted = await brokers.call(1, apis.deleteRecords, {
    topics: [{ name: 'bootstrap', partitions: [{ partitionIndex: 0, offset: 15 }] }],
    timeoutMs: 10_000,
  });
  expect(deleted.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, lowWatermark: 15 });
  await brokers.add(2);
  await brokers.untilInSync('bootstrap', [1, 2]);
  await brokers.stop(1);
  await brokers.untilLed('bootstrap', 0, 2);
  expect(await brokers.produce(2, 'bootstrap', values(5), { ...producer, baseSequence: 10 })).toBe(10);
  await expect(brokers.produce(2, 'bootstrap', values(5), { ...producer, baseSequence: 20 })).rejects.toThrow(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
  );
  expect(await brokers.produce(2, 'bootstrap', values(1), { ...producer, baseSequence: 15 })).toBe(15);
  await brokers.add(1);
  await brokers.untilInSync('bootstrap', [1, 2]);
});

test('what a leader had alone and was not committed is cut when it comes back to a log that went on without', async () => {
  await brokers.createTopic('parted', [[1, 2]], { 'min.insync.replicas': '2' });
  await brokers.untilLed('parted', 0, 1);
  await brokers.untilInSync('parted', [1, 2]);
  await brokers.produce(1, 'parted', ['both']);
  await brokers.stop(2);
  await brokers.untilInSync('parted', [1]);
  for (const value of ['alone', 'lonely', 'lost']) await brokers.produce(1, 'parted', [value], { acks: 1 });
  await brokers.stop(1);
  await brokers.add(2);
  await brokers.untilLed('parted', 0, 2);
  await brokers.produce(2, 'parted', ['kept'], { acks: 1 });
  await brokers.add(1);
  await brokers.untilInSync('parted', [1, 2]);
  const records = await untilCommitted(1, 'parted', 2, 'rack-1');
  const read = [...iterateBatches(records)].flatMap(({ at, header }) =>
    Array.from(iterateRecords(records.subarray(at, at + header.sizeBytes)), ({ value }) => String(value)),
  );
  expect(read).toEqual(['both', 'kept']);
});

/** Topic `name` on brokers 1 and 2, whose copy of the fourth record at broker 1 is spoilt; broker 1 runs again. */
async function spoilReplica(name: string, scrubBytesPerSecond: number): Promise<string> {
  await brokers.createTopic(name, [[1, 2]]);
  await brokers.untilLed(name, 0, 1);
  const marker = `needle in the log ${name}`;
  for (let i = 0; i < 5; i++) await brokers.produce(1, name, [`${marker} ${i}`]);
  await brokers.untilInSync(name, [1, 2]);
  await brokers.stop(1);
  expect(brokers.spoil(1, `${marker} 3`)).toBeGreaterThan(0);
  await brokers.add(1, { scrubBytesPerSecond });
  await brokers.untilInSync(name, [1, 2]);
  return marker;
}

test('a replica whose disk is damaged has it from the others again when somebody asks for it', async () => {
  const marker = await spoilReplica('rotten', 0);
  await brokers.stop(2);
  await brokers.untilLed('rotten', 0, 1);
  await brokers.add(2);
  await brokers.untilInSync('rotten', [1, 2]);
  expect((await brokers.fetch(1, 'rotten', 3)).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  await brokers.untilLed('rotten', 0, 2);
  await until(
    async () => (await brokers.fetch(1, 'rotten', 3, { rack: 'rack-1' })).errorCode === ErrorCode.NONE,
    'it can be read again',
  );
  const { records } = await brokers.fetch(1, 'rotten', 3, { rack: 'rack-1' });
  expect(records!.includes(`${marker} 3`)).toBe(true);
  await brokers.untilInSync('rotten', [1, 2]);
});

test('a replica whose disk is damaged has it from the others again though nobody asks for it', async () => {
  await spoilReplica('forgotten', 2 ** 30);
  const isHealed = (line: string): boolean => line.includes('forgotten');
  await until(
    () => brokers.hubs.get(1)!.logLines('damaged replica is fetched again').some(isHealed),
    'it is found and fetched again',
  );
  await brokers.untilInSync('forgotten', [1, 2]);
});

test('a compacted log is moved with its gaps and with what its leader knows of producers', async () => {
  const soon = { 'cleanup.policy': 'compact', 'segment.ms': '1', 'min.cleanable.dirty.ratio': '0.001' };
  await brokers.createTopic('compacted', [[1]], soon);
  await brokers.untilLed('compacted', 0, 1);
  const early = { producerId: 91, producerEpoch: 0, baseSequence: 0, key: 'k' };
  await brokers.produce(1, 'compacted', values(3), early);
  for (let i = 0; i < 10; i++) await brokers.produce(1, 'compacted', [`${i}`], { key: 'k' });
  await until(() => brokers.hubs.get(1)!.logLines('partition compacted').length > 0, 'it is compacted');
  await brokers.produce(1, 'compacted', ['last'], { key: 'other' });
  const moved = await brokers.call(1, apis.alterPartitionReassignments, {
    timeoutMs: 10_000,
    topics: [{ name: 'compacted', partitions: [{ partitionIndex: 0, replicas: [2] }] }],
  });
  expect(moved.errorCode).toBe(0);
  await brokers.untilLed('compacted', 0, 2);
  await brokers.untilInSync('compacted', [2]);
  expect((await untilCommitted(2, 'compacted', 14)).includes('last')).toBe(true);
  expect(await brokers.produce(2, 'compacted', values(3), early)).toBe(0);
  const next = { ...early, baseSequence: 3 };
  expect(await brokers.produce(2, 'compacted', ['next'], next)).toBe(14);
});

test('deleted topics and their logs go everywhere', async () => {
  await brokers.createTopic('doomed', [[1, 2, 3]]);
  await brokers.untilLed('doomed');
  const topicId = await brokers.topicId('doomed');
  const { responses } = await brokers.call(1, apis.deleteTopics, {
    topics: [{ name: null, topicId }],
    timeoutMs: 10_000,
  });
  expect(responses[0]!.errorCode).toBe(0);
  await until(async () => {
    for (const id of [1, 2, 3]) if ((await brokers.partition('doomed', 0, id)) !== undefined) return false;
    return true;
  }, 'nobody knows it');
});

test('clients that take all connections of a broker keep no other broker from it', async () => {
  await brokers.stop(1);
  await brokers.add(1, { maxConnections: 4 });
  await brokers.createTopic('besieged', [[1, 2]], { 'min.insync.replicas': '2' });
  await brokers.untilLed('besieged', 0, 1);
  await brokers.untilInSync('besieged', [1, 2]);
  await brokers.stop(2);
  const { kafkaPort } = brokers.hubs.get(1)!.hub;
  const clients = await Promise.all(Array.from({ length: 12 }, () => RawClient.connect(kafkaPort)));
  const asked = clients.map((client) => client.call(apis.apiVersions, 0, {}).catch((error) => error));
  expect(
    (await Promise.all(asked)).filter((answer) => answer instanceof ConnectionClosed).length,
  ).toBeGreaterThan(7);
  await brokers.add(2);
  await brokers.untilInSync('besieged', [1, 2]);
  expect(await brokers.produce(1, 'besieged', ['in'])).toBe(0);
  for (const { socket } of clients) socket.destroy();
  await brokers.stop(1);
  await brokers.add(1);
});

test('a topic whose record in etcd is spoilt loses nothing, neither at brokers that run nor at one that starts', async () => {
  await brokers.createTopic('spoilt', [[1, 2]]);
  await brokers.untilLed('spoilt', 0, 1);
  await brokers.untilInSync('spoilt', [1, 2]);
  await brokers.produce(1, 'spoilt', ['kept']);
  const client = brokers.etcd.client();
  const key = '/edgelog/topics/spoilt';
  const { kvs } = await client.range({ key });
  await client.put(key, '{');
  await brokers.createTopic('later', [[1, 2, 3]]); // seen by all who have seen the spoilt record
  expect(await brokers.produce(1, 'spoilt', ['more'])).toBe(1);
  await brokers.stop(1);
  await brokers.add(1);
  await client.put(key, kvs[0]!.value);
  await brokers.untilInSync('spoilt', [1, 2]);
  const leader = await brokers.untilLed('spoilt');
  await untilCommitted(leader, 'spoilt', 2);
  expect(await brokers.produce(leader, 'spoilt', ['on'])).toBe(2);
});
