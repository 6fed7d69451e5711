import { sealBatch } from '@edgelog/sim';
import { ErrorCode, errorName, RESERVED_PRODUCER_ID_MIN, SEQUENCE_MODULUS } from '@edgelog/wire';
import { describe, expect, test } from 'vitest';
import type { KafkaProcesses } from '../harness/kafka.ts';
import { askKafka } from '../harness/kafka-raw.ts';
import { until } from '../harness/wait.ts';
import { RawPartition } from './raw-partition.ts';
import { withKafka } from './with-kafka.ts';

/*
 * What the sink's exactly-once rests on, asked of Kafka itself: a version of Kafka that does otherwise fails here first, by name.
 */

const DAY_MS = 86_400_000;
const INIT_PRODUCER_ID = 4;

let kafka: KafkaProcesses;
const skip = withKafka(
  'what is assumed of Kafka',
  (started) => {
    kafka = started;
  },
  // A broker that was killed is let in again when this is over.
  { configs: { 'broker.session.timeout.ms': 4_000 } },
);
let topics = 0;
let producers = RESERVED_PRODUCER_ID_MIN;

/** A new topic's only partition, and a producer id that nobody gave out. */
async function fresh(configs: Readonly<Record<string, string>> = {}) {
  const topic = `assumed-${topics++}`;
  await kafka.admin.createTopic(topic, { configs });
  const producerId = producers++;
  const partition = new RawPartition(kafka, topic);
  const batch = (baseOffset: number, count = 3, time = Date.now()): Buffer =>
    sealBatch({
      producerId,
      baseOffset,
      records: Array.from({ length: count }, (_, i) => baseOffset + i),
      time,
    });
  const produce = async (...of: Parameters<typeof batch>): Promise<string | number> => {
    const { errorCode, baseOffset } = await partition.produce(batch(...of));
    return errorCode === ErrorCode.NONE ? baseOffset : errorName(errorCode);
  };
  return { topic, producerId, partition, batch, produce };
}

/** Makes Kafka forget every producer whose newest record is older than `ms`, then goes back to the default. */
async function expireProducers(ms: number, isForgotten: () => Promise<boolean>): Promise<void> {
  await kafka.admin.setBrokerConfigs({ 'producer.id.expiration.ms': String(ms) });
  try {
    await until('Kafka forgot them', isForgotten);
  } finally {
    await kafka.admin.setBrokerConfigs({ 'producer.id.expiration.ms': String(DAY_MS) });
  }
}

describe.skipIf(skip)('sequences', () => {
  test('a producer id that nobody gave out may begin at any sequence', async () => {
    const { producerId, partition, produce } = await fresh();
    expect(await produce(1_234_567)).toBe(0);
    expect(await partition.producer(producerId)).toMatchObject({
      lastSequence: 1_234_569,
      producerEpoch: 0,
    });
  });

  test('InitProducerId gives out none of the reserved range', async () => {
    const { producerId } = await askKafka(kafka.node(1).port, 'initProducerId', INIT_PRODUCER_ID, {
      transactionalId: null,
      transactionTimeoutMs: 60_000,
    });
    expect(producerId).toBeLessThan(RESERVED_PRODUCER_ID_MIN);
  });

  test('each of the last five batches is answered with its original offset, and the sixth refused', async () => {
    const { produce } = await fresh();
    for (let i = 0; i < 6; i++) expect(await produce(7 + 3 * i)).toBe(3 * i);
    for (let i = 1; i < 6; i++) expect(await produce(7 + 3 * i)).toBe(3 * i);
    expect(await produce(7)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
  });

  test('a skip is refused, and what was missing taken after it', async () => {
    const { partition, produce } = await fresh();
    await produce(0);
    expect(await produce(6)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
    expect([await produce(3), await produce(6)]).toEqual([3, 6]);
    expect(await partition.highWatermark()).toBe(9);
  });

  test('other bytes under a sequence that is there are taken for a repeat', async () => {
    const { partition, batch, producerId } = await fresh();
    const [first, other] = [batch(0), sealBatch({ producerId, baseOffset: 0, records: [7, 8, 9], time: 1 })];
    await partition.produce(first);
    expect(await partition.produce(other)).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: 0 });
    expect((await partition.onlyBatch()).header.crc).toBe(first.readUInt32BE(17));
  });

  test('a batch may straddle the wrap of the sequence', async () => {
    const { produce, partition, producerId } = await fresh();
    expect(await produce(SEQUENCE_MODULUS - 2)).toBe(0);
    expect(await partition.producer(producerId)).toMatchObject({ lastSequence: 0 });
    expect(await produce(SEQUENCE_MODULUS + 1)).toBe(3);
    expect(await produce(SEQUENCE_MODULUS - 2)).toBe(0);
  });

  test('a batch whose base offset is not 0 is refused', async () => {
    const { partition, batch } = await fresh();
    expect(await partition.produceAsIs(batch(5))).toMatchObject({ errorCode: ErrorCode.INVALID_RECORD });
  });

  test('the CRC and every byte after it stay as they were sealed', async () => {
    const { partition, batch } = await fresh();
    const sealed = batch(5);
    await partition.produce(sealed);
    const { bytes } = await partition.onlyBatch();
    expect(bytes.subarray(16)).toEqual(sealed.subarray(16));
  });
});

describe.skipIf(skip)('producers that Kafka forgets', () => {
  test('one is forgotten by the time of its records, however lately they came', async () => {
    const { partition, produce, producerId } = await fresh();
    await produce(0, 3, Date.now() - 2 * DAY_MS);
    await until('it was forgotten', async () => (await partition.producer(producerId)) === undefined);
  });

  test('once forgotten, a repeat is stored twice, and a skip is taken', async () => {
    const { partition, produce, producerId } = await fresh();
    await produce(0);
    await expireProducers(1, async () => (await partition.producer(producerId)) === undefined);
    expect(await produce(0)).toBe(3);
    await expireProducers(1, async () => (await partition.producer(producerId)) === undefined);
    expect(await produce(900)).toBe(6);
  });

  test('a topic with LogAppendTime remembers a producer by the time of the append', async () => {
    const { partition, produce, producerId } = await fresh({ 'message.timestamp.type': 'LogAppendTime' });
    const { produce: produceOld, partition: forgotten, producerId: other } = await fresh();
    await produce(0, 3, Date.now() - 2 * DAY_MS);
    await produceOld(0, 3, Date.now() - 2 * DAY_MS);
    await until('the other was forgotten', async () => (await forgotten.producer(other)) === undefined);
    expect(await partition.producer(producerId)).toMatchObject({ lastSequence: 2 });
  });

  test('one whose records were deleted is still known', async () => {
    const { topic, partition, produce, producerId } = await fresh();
    await produce(0);
    await kafka.admin.deleteRecords(topic, 0, 3);
    expect(await partition.producer(producerId)).toMatchObject({ lastSequence: 2 });
    expect(await produce(9)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
  });

  test('one is known again after kill -9, and may go on', async () => {
    const { partition, produce, producerId } = await fresh();
    await produce(41);
    await kafka.node(1).kill();
    kafka.node(1).spawn();
    await kafka.ready();
    await kafka.leaderOf(partition.topic);
    expect(await partition.producer(producerId)).toMatchObject({ lastSequence: 43 });
    expect([await produce(44), await produce(41)]).toEqual([3, 0]);
  });
});

describe.skipIf(skip)('positions', () => {
  test('OffsetForLeaderEpoch of the current epoch tells the end of the log', async () => {
    const { partition, produce } = await fresh();
    await produce(0);
    const { errorCode, endOffset, leaderEpoch } = await partition.epochEnd();
    const known = await kafka.admin.partition(partition.topic, 0);
    expect({ errorCode, endOffset, leaderEpoch }).toEqual({
      errorCode: ErrorCode.NONE,
      endOffset: 3,
      leaderEpoch: known.leaderEpoch,
    });
  });

  test('a topic that was deleted and created again knows no producer, and has another id', async () => {
    const { topic, partition, produce, producerId } = await fresh();
    await produce(0);
    const before = await kafka.admin.topicId(topic);
    await kafka.admin.deleteTopic(topic);
    await kafka.admin.createTopic(topic);
    expect(await kafka.admin.topicId(topic)).not.toBe(before);
    expect(await partition.producer(producerId)).toBeUndefined();
    expect(await produce(3)).toBe(0);
  });
});

describe.skipIf(skip)('what a topic makes of batches', () => {
  const AGES = { 'a month ago': 30 * DAY_MS, 'in 1970': Date.now() };

  test.for(Object.entries(AGES))('records of %s are taken by default', async ([, age]) => {
    const { produce } = await fresh();
    expect(await produce(0, 3, Date.now() - age)).toBe(0);
  });

  test('records of the day after tomorrow are refused by default', async () => {
    const { produce } = await fresh();
    expect(await produce(0, 3, Date.now() + 2 * DAY_MS)).toBe('INVALID_TIMESTAMP');
  });

  test('message.timestamp.before.max.ms refuses older records', async () => {
    const { produce } = await fresh({ 'message.timestamp.before.max.ms': String(DAY_MS) });
    expect(await produce(0, 3, Date.now() - 2 * DAY_MS)).toBe('INVALID_TIMESTAMP');
  });

  test('LogAppendTime takes any time, and rewrites the maximum, one attribute and the CRC', async () => {
    const { partition, batch } = await fresh({ 'message.timestamp.type': 'LogAppendTime' });
    const sealed = batch(0, 3, Date.now() + 9 * DAY_MS);
    expect(await partition.produce(sealed)).toMatchObject({ errorCode: ErrorCode.NONE });
    const { bytes, header } = await partition.onlyBatch();
    expect(header.timestampType).toBe('append');
    const restored = Buffer.from(bytes);
    sealed.copy(restored, 17, 17, 23);
    sealed.copy(restored, 35, 35, 43);
    expect(restored.subarray(16)).toEqual(sealed.subarray(16));
  });

  test('another compression.type rewrites the batch, whose producer and sequence stay', async () => {
    const { partition, batch, producerId } = await fresh({ 'compression.type': 'gzip' });
    const sealed = batch(5);
    await partition.produce(sealed);
    const { header } = await partition.onlyBatch();
    expect(header).toMatchObject({ compression: 'gzip', producerId, baseSequence: 5, recordCount: 3 });
    expect(header.crc).not.toBe(sealed.readUInt32BE(17));
  });

  test('a batch above max.message.bytes is refused, and nothing of it taken', async () => {
    const { partition, produce, producerId } = await fresh({ 'max.message.bytes': '1000' });
    expect(await produce(0, 200)).toBe('MESSAGE_TOO_LARGE');
    expect([await partition.highWatermark(), await partition.producer(producerId)]).toEqual([0, undefined]);
    expect(await produce(0)).toBe(0);
  });

  test('a batch whose CRC is wrong is refused', async () => {
    const { partition, batch } = await fresh();
    const damaged = batch(0);
    damaged.writeUInt8(damaged.at(-1)! ^ 1, damaged.length - 1);
    expect(await partition.produce(damaged)).toMatchObject({ errorCode: ErrorCode.CORRUPT_MESSAGE });
  });

  test('a compacted topic refuses records without a key', async () => {
    const { produce } = await fresh({ 'cleanup.policy': 'compact' });
    expect(await produce(0)).toBe('INVALID_RECORD');
  });
});
