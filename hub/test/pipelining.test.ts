import { apis, ErrorCode } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { batchOf } from './support/batches.ts';
import { RawClient } from './support/raw-client.ts';
import { TestHub } from './support/test-hub.ts';

let hub: TestHub;

beforeAll(async () => {
  hub = await TestHub.start({ defaultPartitions: 1, maxRequestMemoryBytes: 1024 * 1024 });
});
afterAll(() => hub.close());

async function connect(topic: string): Promise<RawClient> {
  const client = await RawClient.connect(hub.hub.kafkaPort);
  await client.call(apis.metadata, 4, { topics: [{ name: topic }] });
  return client;
}

const produceTo = (name: string, records: Buffer) => ({
  acks: -1,
  timeoutMs: 1000,
  topicData: [{ name, partitionData: [{ index: 0, records }] }],
});

const fetchFrom = (
  topic: string,
  fetchOffset: number,
  wait: { minBytes?: number; maxWaitMs?: number; maxBytes?: number } = {},
) => ({
  minBytes: wait.minBytes ?? 1,
  maxWaitMs: wait.maxWaitMs ?? 60_000,
  maxBytes: wait.maxBytes ?? 1_000_000,
  topics: [
    { topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: wait.maxBytes ?? 1_000_000 }] },
  ],
});

test('appends of pipelined requests take effect in request order', async () => {
  const client = await connect('order');
  const ids = Array.from({ length: 300 }, (_, i) =>
    client.send(apis.produce, 7, produceTo('order', batchOf([`${i}`]))),
  );
  for (const [i, id] of ids.entries()) {
    const { correlationId, body } = await client.receive(apis.produce, 7);
    expect(correlationId).toBe(id);
    expect(body.responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: i });
  }
  client.end();
});

test('a request behind a parked fetch is carried out at once and answered after it', async () => {
  const client = await connect('parked');
  const fetchId = client.send(apis.fetch, 4, fetchFrom('parked', 0));
  const produceId = client.send(apis.produce, 7, produceTo('parked', batchOf(['wakes the fetch'])));
  const fetched = await client.receive(apis.fetch, 4);
  expect(fetched.correlationId).toBe(fetchId);
  expect(fetched.body.responses[0]!.partitions[0]!.records!.length).toBeGreaterThan(61);
  expect((await client.receive(apis.produce, 7)).correlationId).toBe(produceId);
  client.end();
});

test('a parked fetch returns empty when its time is over, and at once when its topic is deleted', async () => {
  const client = await connect('gone');
  const empty = await client.call(apis.fetch, 11, fetchFrom('gone', 0, { maxWaitMs: 30 }));
  expect(empty.responses[0]!.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 0 });
  client.send(apis.fetch, 11, fetchFrom('gone', 0));
  client.send(apis.deleteTopics, 4, { topicNames: ['gone'], timeoutMs: 1000 });
  const { body } = await client.receive(apis.fetch, 11);
  expect(body.responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  expect((await client.receive(apis.deleteTopics, 4)).body.responses[0]!.errorCode).toBe(0);
  client.end();
});

test('a client that leaves while its fetch is parked leaves nothing behind', async () => {
  const client = await connect('left');
  client.send(apis.fetch, 4, fetchFrom('left', 0));
  client.send(apis.apiVersions, 0, {});
  const held = () => (hub.hub.status() as { memory: { requestBytes: number } }).memory.requestBytes;
  await expect.poll(held).toBeGreaterThan(0);
  client.end();
  await expect.poll(held).toBe(0);
});

test('a client that ends its own side is answered what it asked for, and then closed', async () => {
  const client = await connect('half-open');
  client.send(apis.produce, 7, produceTo('half-open', batchOf(['last words'])));
  client.send(apis.fetch, 4, fetchFrom('half-open', 1, { maxWaitMs: 60_000, minBytes: 1 }));
  client.socket.end();
  const { body } = await client.receive(apis.produce, 7);
  expect(body.responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: 0 });
  await client.closed();
});

test('a fetch waits for min bytes', async () => {
  const client = await connect('min-bytes');
  const other = await connect('min-bytes');
  const batch = batchOf(['x'.repeat(100)]);
  client.send(apis.fetch, 4, fetchFrom('min-bytes', 0, { minBytes: 3 * batch.length }));
  for (let i = 0; i < 3; i++) {
    expect(client.bytesWaiting).toBe(0);
    await other.call(apis.produce, 7, produceTo('min-bytes', batchOf(['x'.repeat(100)])));
  }
  const { body } = await client.receive(apis.fetch, 4);
  expect(body.responses[0]!.partitions[0]!.records!.length).toBe(3 * batch.length);
  client.end();
  other.end();
});

test('the first batch is returned whatever the limits, the next ones within them', async () => {
  const client = await connect('limits');
  const size = batchOf(['x'.repeat(1000)]).length;
  for (let i = 0; i < 3; i++)
    await client.call(apis.produce, 7, produceTo('limits', batchOf(['x'.repeat(1000)])));
  const sizeOf = async (maxBytes: number) => {
    const { responses } = await client.call(apis.fetch, 4, fetchFrom('limits', 0, { maxBytes }));
    return responses[0]!.partitions[0]!.records!.length;
  };
  expect(await sizeOf(1)).toBe(size);
  expect(await sizeOf(2 * size + 1)).toBe(2 * size);
  expect(await sizeOf(100_000)).toBe(3 * size);
  for (const offset of [-1, 4]) {
    const { responses } = await client.call(apis.fetch, 4, fetchFrom('limits', offset));
    expect(responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  }
  client.end();
});

test('a client that takes no responses is read no further, and others are served', async () => {
  const client = await connect('slow');
  const batch = batchOf(['x'.repeat(900_000)]);
  for (let i = 0; i < 10; i++) await client.call(apis.produce, 7, produceTo('slow', Buffer.from(batch)));
  client.socket.pause();
  const wanted = 30;
  for (let i = 0; i < wanted; i++) client.send(apis.fetch, 4, fetchFrom('slow', 0, { maxBytes: 9_000_000 }));
  const other = await connect('slow');
  await other.call(apis.produce, 7, produceTo('slow', batchOf(['still served'])));
  const status = hub.hub.status() as { memory: { responseBytes: number } };
  expect(status.memory.responseBytes).toBeLessThan(30_000_000);
  client.socket.resume();
  for (let i = 0; i < wanted; i++) await client.receive(apis.fetch, 4);
  client.end();
  other.end();
});

test('more requests than memory for them are all served', async () => {
  const clients = await Promise.all(Array.from({ length: 8 }, () => connect('busy')));
  const perClient = 12;
  const done = clients.map(async (client) => {
    for (let i = 0; i < perClient; i++)
      client.send(apis.produce, 7, produceTo('busy', batchOf(['y'.repeat(400_000)])));
    for (let i = 0; i < perClient; i++) {
      const { body } = await client.receive(apis.produce, 7);
      expect(body.responses[0]!.partitionResponses[0]!.errorCode).toBe(0);
    }
    client.end();
  });
  await Promise.all(done);
  const [client] = [await connect('busy')];
  const { topics } = await client.call(apis.listOffsets, 4, {
    replicaId: -1,
    topics: [{ name: 'busy', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
  });
  expect(topics[0]!.partitions[0]!.offset).toBe(8 * perClient);
  const held = () => (hub.hub.status() as { memory: { requestBytes: number } }).memory.requestBytes;
  await expect.poll(held).toBeLessThan(1000);
  client.end();
});
