import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apis, ErrorCode, iterateBatches, iterateRecords } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { batchOf } from './support/batches.ts';
import { RawClient } from './support/raw-client.ts';
import { TestHub } from './support/test-hub.ts';

let hub: TestHub;
let client: RawClient;

beforeAll(async () => {
  hub = await TestHub.start({ defaultPartitions: 4 });
  client = await RawClient.connect(hub.hub.kafkaPort);
});
afterAll(async () => {
  client.end();
  await hub.close();
});

async function produce(name: string, index: number, records: Buffer): Promise<void> {
  await client.call(apis.metadata, 4, { topics: [{ name }] });
  const topicData = [{ name, partitionData: [{ index, records }] }];
  const { responses } = await client.call(apis.produce, 9, { acks: -1, timeoutMs: 1000, topicData });
  expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(0);
}

interface Ask {
  partition: number;
  fetchOffset: number;
  partitionMaxBytes?: number;
  currentLeaderEpoch?: number;
}

async function fetch(
  topic: string,
  asked: readonly Ask[],
  more: {
    maxBytes?: number;
    minBytes?: number;
    maxWaitMs?: number;
    sessionId?: number;
    sessionEpoch?: number;
  } = {},
) {
  const partitions = asked.map((ask) => ({ partitionMaxBytes: 1_000_000, ...ask }));
  const topics = partitions.length === 0 ? [] : [{ topic, partitions }];
  const answer = await client.call(apis.fetch, 12, { maxWaitMs: 0, minBytes: 1, ...more, topics });
  const sizes = answer.responses.flatMap((one) =>
    one.partitions.map(({ partitionIndex, records }) => [partitionIndex, records?.length ?? 0] as const),
  );
  return { ...answer, sizes };
}

test('only the first partition with data exceeds the limits; the next ones keep to them', async () => {
  const size = batchOf(['x'.repeat(1000)]).length;
  for (const index of [1, 1, 2, 2, 3]) await produce('room', index, batchOf(['x'.repeat(1000)]));
  const all = [0, 1, 2, 3].map((partition) => ({ partition, fetchOffset: 0 }));
  const sizes = async (maxBytes: number, partitionMaxBytes: number) =>
    (
      await fetch(
        'room',
        all.map((one) => ({ ...one, partitionMaxBytes })),
        { maxBytes },
      )
    ).sizes.map(([, n]) => n / size);
  expect(await sizes(1, 1_000_000)).toEqual([0, 1, 0, 0]);
  expect(await sizes(1_000_000, 1)).toEqual([0, 1, 0, 0]);
  expect(await sizes(1_000_000, size)).toEqual([0, 1, 1, 1]);
  expect(await sizes(2 * size, size)).toEqual([0, 1, 1, 0]);
  expect(await sizes(3 * size + 1, 1_000_000)).toEqual([0, 2, 1, 0]);
  expect(await sizes(0, 0)).toEqual([0, 1, 0, 0]);
});

test('a session whose responses hold one batch serves all partitions in turn', async () => {
  for (let round = 0; round < 3; round++)
    for (const index of [0, 1, 2]) await produce('turns', index, batchOf(['y'.repeat(500)]));
  const next = [0, 0, 0];
  const first = await fetch(
    'turns',
    next.map((fetchOffset, partition) => ({ partition, fetchOffset })),
    { maxBytes: 1, sessionEpoch: 0 },
  );
  const { sessionId } = first;
  const served = first.sizes.filter(([, bytes]) => bytes > 0).map(([index]) => index);
  next[served[0]!]! += 1;
  for (let sessionEpoch = 1; sessionEpoch < 9; sessionEpoch++) {
    const moved = served.at(-1)!;
    const ask = [{ partition: moved, fetchOffset: next[moved]! }];
    const { sizes } = await fetch('turns', ask, { maxBytes: 1, sessionId, sessionEpoch });
    const [index] = sizes.find(([, bytes]) => bytes > 0)!;
    served.push(index);
    next[index]! += 1;
  }
  expect(served).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
});

test('min bytes beyond max bytes, and a leader epoch out of date, are not waited for', async () => {
  await produce('waits', 0, batchOf(['z'.repeat(1000)]));
  const long = { maxWaitMs: 60_000, minBytes: 1_000_000 };
  const { sizes } = await fetch('waits', [{ partition: 0, fetchOffset: 0 }], { ...long, maxBytes: 100 });
  expect(sizes[0]![1]).toBeGreaterThan(1000);
  const newer = await fetch('waits', [{ partition: 1, fetchOffset: 0, currentLeaderEpoch: 7 }], long);
  expect(newer.responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH);
});

test('a damaged batch is the error of its partition, logged once; the rest is served', async () => {
  const own = await TestHub.start({ defaultPartitions: 2 });
  const segments = join(own.dir, 'segments');
  try {
    let raw = await RawClient.connect(own.hub.kafkaPort);
    await raw.call(apis.metadata, 4, { topics: [{ name: 'hurt' }] });
    for (const [index, value] of [
      [0, 'one'],
      [0, 'two'],
      [0, 'three'],
      [1, 'whole'],
    ] as const) {
      const records = batchOf([value.repeat(2000)]);
      const topicData = [{ name: 'hurt', partitionData: [{ index, records }] }];
      await raw.call(apis.produce, 9, { acks: -1, timeoutMs: 1000, topicData });
    }
    raw.end();
    await own.hub.stop();
    const file = join(segments, readdirSync(segments).find((name) => name.endsWith('.mdb'))!);
    const bytes = readFileSync(file);
    const recordsAt = bytes.indexOf('twotwotwo');
    const magicAt = bytes.lastIndexOf(Buffer.from([0, 0, 0, 0, 2]), recordsAt) + 4;
    expect(recordsAt - magicAt).toBeLessThan(80);
    bytes[magicAt] = 9;
    writeFileSync(file, bytes);
    await own.start({ defaultPartitions: 2 });
    raw = await RawClient.connect(own.hub.kafkaPort);
    const ask = async (offset: number) => {
      const from = (partition: number, fetchOffset: number) => ({
        partition,
        fetchOffset,
        partitionMaxBytes: 99_999,
      });
      const topics = [{ topic: 'hurt', partitions: [from(0, offset), from(1, 0)] }];
      const body = { maxWaitMs: 1000, minBytes: 1, maxBytes: 1_000_000, topics };
      const answer = await raw.call(apis.fetch, 12, body);
      return answer.responses[0]!.partitions.map(({ errorCode, records }) => [
        errorCode,
        records!.length > 2000,
      ]);
    };
    for (let i = 0; i < 3; i++)
      expect(await ask(1)).toEqual([
        [ErrorCode.CORRUPT_MESSAGE, false],
        [0, true],
      ]);
    expect(await ask(0)).toEqual([
      [0, true],
      [0, true],
    ]);
    expect(await ask(2)).toEqual([
      [0, true],
      [0, true],
    ]);
    const lines = own.logLines('stored batch cannot be read');
    expect(lines.length).toBe(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      topic: 'hurt',
      partition: 0,
      firstOffset: 1,
      nextOffset: 2,
    });
    expect(own.hub.status()).toMatchObject({
      damage: [{ topic: 'hurt', partition: 0, firstOffset: 1, nextOffset: 2 }],
    });
    const waiting = { maxWaitMs: 60_000, minBytes: 1_000_000, maxBytes: 2_000_000 };
    const topics = [
      { topic: 'hurt', partitions: [{ partition: 0, fetchOffset: 1, partitionMaxBytes: 99_999 }] },
    ];
    const told = await raw.call(apis.fetch, 12, { ...waiting, topics });
    expect(told.responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.CORRUPT_MESSAGE);

    raw.end();
  } finally {
    await own.close();
  }
});

test('what a slow client is sent stays as it was while others are served from the memory of sent responses', async () => {
  const value = (index: number) => String(index).repeat(300_000);
  const batches = [0, 1, 2, 3].map((index) => batchOf([value(index)]));
  for (const index of batches.keys()) await produce('reuse', index, batches[index]!);
  const ask = (connection: RawClient, index: number) =>
    connection.send(apis.fetch, 12, {
      maxWaitMs: 0,
      minBytes: 1,
      topics: [
        { topic: 'reuse', partitions: [{ partition: index, fetchOffset: 0, partitionMaxBytes: 1_000_000 }] },
      ],
    });
  const answered = async (connection: RawClient, index: number) => {
    const { body } = await connection.receive(apis.fetch, 12);
    const [record] = [...iterateRecords(body.responses[0]!.partitions[0]!.records!)];
    expect(record!.value!.toString()).toBe(value(index));
  };
  const slow = await RawClient.connect(hub.hub.kafkaPort);
  slow.socket.pause();
  const held = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1];
  for (const index of held) ask(slow, index);
  for (let round = 0; round < 10; round++) {
    for (const index of [2, 3]) {
      ask(client, index);
      await answered(client, index);
    }
  }
  slow.socket.resume();
  for (const index of held) await answered(slow, index);
  slow.end();
});

test('a backlog read piece by piece, with pauses in which the hub reads ahead, is what was written', async () => {
  const values = Array.from({ length: 60 }, (_, i) => `${i}`.repeat(2_000));
  for (const [i, value] of values.entries()) await produce('backlog', i % 2, batchOf([value]));
  const seen: string[][] = [[], []];
  const offsets = [0, 0];
  let heldMost = 0;
  while (seen.flat().length < values.length) {
    const asked = offsets.map((fetchOffset, partition) => ({
      partition,
      fetchOffset,
      // A client that changes its limits gets what it asks for all the same.
      partitionMaxBytes: seen.flat().length % 3 === 0 ? 9_000 : 13_000,
    }));
    const { responses } = await fetch('backlog', asked);
    for (const { partitionIndex, records } of responses.flatMap(({ partitions }) => partitions)) {
      for (const { value, offset } of valuesIn(records as Buffer)) {
        expect(offset).toBe(offsets[partitionIndex]!++);
        seen[partitionIndex]!.push(value);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    const metrics = await (await globalThis.fetch(`http://${hub.hub.addresses.http}/metrics`)).text();
    heldMost = Math.max(heldMost, Number(/^edgelog_read_ahead_bytes (\d+)$/m.exec(metrics)?.[1]));
  }
  expect(seen).toEqual([0, 1].map((index) => values.filter((_, i) => i % 2 === index)));
  expect(heldMost).toBeGreaterThan(0);
});

/** The values in a fetch's records, with their offsets. */
function valuesIn(records: Buffer): { offset: number; value: string }[] {
  const found: { offset: number; value: string }[] = [];
  for (const { at, header } of iterateBatches(records)) {
    for (const { offset, value } of iterateRecords(records.subarray(at, at + header.sizeBytes)))
      found.push({ offset, value: String(value) });
  }
  return found;
}
