import { silentLogger } from '@edgelog/runtime';
import { recordsIn, sealBatch } from '@edgelog/sim';
import {
  connectKafkaCluster,
  type KafkaSink,
  openKafkaSink,
  processClock,
  sinkSettings,
} from '@edgelog/sink';
import type { Position, Refusal } from '@edgelog/sync';
import { iterateRecords, RESERVED_PRODUCER_ID_MIN, readBatchHeader } from '@edgelog/wire';
import { describe, expect, test } from 'vitest';
import type { KafkaProcesses } from '../harness/kafka.ts';
import { until } from '../harness/wait.ts';
import { RawPartition } from './raw-partition.ts';
import { withKafka } from './with-kafka.ts';

/* The sink's own doings at a real broker: what it finds, writes and refuses. Faults of processes and networks are in the fault matrix. */

const DAY_MS = 86_400_000;
/** Of records that Kafka has forgotten the producer of unless it is told to remember them for longer, which it can be for 24 days. */
const AGE_MS = 10 * DAY_MS;
const REMEMBERED_MS = 2 * AGE_MS;
let kafka: KafkaProcesses;
const skip = withKafka('the sink', (started) => {
  kafka = started;
});
let runs = 0;

/** `isTimeless`: for it no second ever passes, and so it writes down no position. */
async function sink(
  settings: Parameters<typeof sinkSettings>[0] = {},
  isTimeless = false,
): Promise<KafkaSink> {
  const cluster = await connectKafkaCluster({
    bootstrap: [kafka.bootstrap],
    clientId: 'test',
    log: silentLogger,
  });
  const clock = processClock();
  const timers = isTimeless ? { after: () => () => {} } : clock.timers;
  return openKafkaSink({ cluster, log: silentLogger, settings: sinkSettings(settings), ...clock, timers });
}

/** A run of a gateway with batches of three records each, and where the gateway thinks it is. */
class Gateway {
  readonly info;
  readonly #time: number;
  acked: Position | undefined;

  constructor(topic: string, time = Date.now()) {
    const number = runs++;
    this.#time = time;
    this.info = {
      producerId: RESERVED_PRODUCER_ID_MIN + 1_000 + number,
      logId: crypto.randomUUID(),
      topic,
      firstOffset: 0,
    };
  }

  batch(offset: number): Buffer {
    const { producerId } = this.info;
    return sealBatch({
      producerId,
      baseOffset: offset,
      records: [offset, offset + 1, offset + 2],
      time: this.#time,
    });
  }

  position(offset: number): Position {
    return { next: offset + 3, crc: readBatchHeader(this.batch(offset)).crc };
  }

  open(at: KafkaSink) {
    return at.openRun('gateway-1', this.info, this.acked);
  }

  async opened(at: KafkaSink): Promise<Position | undefined> {
    for (;;) {
      const answer = await this.open(at);
      if (answer.ok) return answer.position;
      if (answer.code !== 'not-available') throw new Error(answer.message);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Sends batches [from, to) without waiting; answers what became of each. */
  send(at: KafkaSink, from: number, to: number): Promise<(Position | Refusal)[]> {
    const outcomes = [];
    for (let offset = from; offset < to; offset += 3) {
      const answer = at.append(this.info.producerId, this.batch(offset));
      outcomes.push(answer.ok ? answer.committed : answer);
    }
    return Promise.all(outcomes);
  }
}

async function stored(topic: string): Promise<number[]> {
  const found: number[] = [];
  const partition = new RawPartition(kafka, topic);
  for (const { bytes } of await partition.batches()) found.push(...recordsIn(bytes));
  return found;
}

describe.skipIf(skip)('a sink at Kafka', () => {
  test('what was sealed arrives unchanged, in order, and is acknowledged with its own CRC', async () => {
    await kafka.admin.createTopic('plain', {});
    const at = await sink();
    const gateway = new Gateway('plain');
    expect(await gateway.opened(at)).toBeUndefined();
    const outcomes = await gateway.send(at, 0, 90);
    expect(outcomes).toEqual(Array.from({ length: 30 }, (_, i) => gateway.position(3 * i)));
    await at.close();
    const again = await sink();
    expect(await gateway.opened(again)).toEqual(gateway.position(87));
    await gateway.send(again, 90, 120);
    await again.close();
    await expectStored('plain', 120);
  });

  test.each(['CreateTime', 'LogAppendTime'])(
    'a process that died, and a cluster that forgot: the log tells where the run stands (%s)',
    async (type) => {
      const topic = `forgotten-${type}`;
      await kafka.admin.createTopic(topic, { configs: { 'message.timestamp.type': type } });
      const gateway = new Gateway(topic, Date.now() - AGE_MS);
      const at = await sink();
      await gateway.opened(at);
      const outcomes = await gateway.send(at, 0, 30);
      expect(outcomes.at(-1)).toEqual(gateway.position(27));
      await expireProducers(gateway.info);
      const again = await sink();
      expect(await gateway.opened(again)).toEqual(gateway.position(27));
      await gateway.send(again, 30, 60);
      await expectStored(topic, 60);
      // The one whose place was taken finds out, and acknowledges nothing.
      const late = await gateway.send(at, 30, 33);
      expect(late).toMatchObject([{ ok: false, code: 'not-available' }]);
      await expectStored(topic, 60);
      await Promise.all([at.close(), again.close()]);
      await expireProducers(gateway.info);
      // A sink that stopped in good order wrote down where it was, unless an older one may have something under way.
      const third = await sink();
      expect(await gateway.opened(third)).toEqual(gateway.position(57));
      await third.close();
    },
  );

  test('what a process that died never wrote down is looked for in the log', async () => {
    await kafka.admin.createTopic('unwritten', {});
    const gateway = new Gateway('unwritten', Date.now() - AGE_MS);
    const at = await sink({}, true);
    await gateway.opened(at);
    await gateway.send(at, 0, 30);
    await expireProducers(gateway.info);
    const again = await sink();
    expect(await gateway.opened(again)).toEqual(gateway.position(27));
    expect(again.status().scannedBytes).toBeGreaterThan(0);
    await Promise.all([at.close(), again.close()]);
  });

  test('a sink that stops leaves nothing to be looked for', async () => {
    await kafka.admin.createTopic('settled', {});
    const gateway = new Gateway('settled', Date.now() - AGE_MS);
    const at = await sink();
    await gateway.opened(at);
    await gateway.send(at, 0, 30);
    await at.close();
    await expireProducers(gateway.info);
    const again = await sink();
    expect(await gateway.opened(again)).toEqual(gateway.position(27));
    expect(again.status().scannedBytes).toBe(0);
    await again.close();
  });

  test('a topic that was deleted and created again goes on where the old one ended', async () => {
    await kafka.admin.createTopic('recreated', {});
    const at = await sink();
    const gateway = new Gateway('recreated');
    await gateway.opened(at);
    await gateway.send(at, 0, 30);
    gateway.acked = gateway.position(27);
    await kafka.admin.deleteTopic('recreated');
    const [lost] = await gateway.send(at, 30, 33);
    expect(lost).toMatchObject({ ok: false, code: 'not-available' });
    await kafka.admin.createTopic('recreated', {});
    expect(await gateway.opened(at)).toEqual(gateway.acked);
    expect(await gateway.send(at, 30, 36)).toEqual([gateway.position(30), gateway.position(33)]);
    expect(await stored('recreated')).toEqual([30, 31, 32, 33, 34, 35]);
    await at.flush();
    expect(await events()).toContainEqual(
      expect.objectContaining({ event: 'topic-recreated', topic: 'recreated', from: 30 }),
    );
    await at.close();
  });

  test('a batch that is meant for a leader of another epoch is not sent', async () => {
    await kafka.admin.createTopic('epochs', {});
    const log = silentLogger;
    const cluster = await connectKafkaCluster({ bootstrap: [kafka.bootstrap], clientId: 'test', log });
    const gateway = new Gateway('epochs');
    const topic = (await cluster.topic('epochs'))!;
    const place = { topic: topic.name, topicId: topic.id, partition: 0 };
    const { leaderEpoch } = topic.partitions[0]!;
    const batch = gateway.batch(0);
    batch.fill(0, 0, 8);
    expect(await cluster.produce(place, leaderEpoch + 1, batch)).toMatchObject({ outcome: 'unknown' });
    expect(await stored('epochs')).toEqual([]);
    expect(await cluster.produce(place, leaderEpoch, batch)).toEqual({ outcome: 'committed', baseOffset: 0 });
    await cluster.close();
  });

  test('what the cluster never takes is refused by name, and what was sent behind it comes again', async () => {
    await kafka.admin.createTopic('small', { configs: { 'max.message.bytes': '200' } });
    await kafka.admin.createTopic('compacted', { configs: { 'cleanup.policy': 'compact' } });
    const at = await sink();
    const gateway = new Gateway('small');
    await gateway.opened(at);
    expect(await gateway.send(at, 0, 3)).toEqual([gateway.position(0)]);
    const { producerId } = gateway.info;
    const large = sealBatch({ producerId, baseOffset: 3, records: [3], time: Date.now(), paddingBytes: 500 });
    const refused = at.append(producerId, large);
    const behind = at.append(
      producerId,
      sealBatch({ producerId, baseOffset: 4, records: [4], time: Date.now() }),
    );
    expect(refused.ok && (await refused.committed)).toMatchObject({ code: 'batch-too-large' });
    expect(behind.ok && (await behind.committed)).toMatchObject({ code: 'not-available' });
    const other = new Gateway('compacted');
    await other.opened(at);
    expect(await other.send(at, 0, 3)).toMatchObject([{ code: 'store-failed' }]);
    expect(at.status().topics.flatMap(({ findings }) => findings.map(({ setting }) => setting))).toEqual(
      expect.arrayContaining(['max.message.bytes', 'cleanup.policy']),
    );
    expect(await new Gateway('__consumer_offsets').open(at)).toMatchObject({ code: 'illegal-topic' });
    await at.close();
  });

  test('a topic that is missing is created, or refused; gaps are written where consumers can read them', async () => {
    const no = await sink({ sinkCreateTopics: false });
    expect(await new Gateway('missing').open(no)).toMatchObject({ code: 'topic-missing' });
    await no.close();
    const at = await sink({ sinkPartitions: 3, sinkTopicConfig: ['retention.ms=-1'] });
    const gateway = new Gateway('made');
    await gateway.opened(at);
    await gateway.send(at, 0, 3);
    const { logId, topic } = gateway.info;
    await at.recordGap('gateway-1', { logId, topic, from: 3, to: 9, reason: 'dropped' });
    expect(await events()).toContainEqual(
      expect.objectContaining({
        ...{ key: 'gateway-1', event: 'gap', topic, logId, from: 3, to: 9, records: 6 },
      }),
    );
    await at.close();
  });
});

/** All that consumers were told, and by which key. */
async function events(): Promise<Record<string, unknown>[]> {
  const batches = await new RawPartition(kafka, 'edgelog.events').batches();
  return batches.flatMap(({ bytes }) =>
    Array.from(iterateRecords(bytes), ({ key, value }) => ({
      ...(JSON.parse(String(value)) as Record<string, unknown>),
      key: String(key),
    })),
  );
}

async function expectStored(topic: string, count: number): Promise<void> {
  expect(await stored(topic)).toEqual(Array.from({ length: count }, (_, i) => i));
}

/** Makes Kafka forget the run now, and remember from then on what comes of it, old as it is: a batch of another session is refused. */
async function expireProducers({ topic, producerId }: { topic: string; producerId: number }): Promise<void> {
  const partition = new RawPartition(kafka, topic);
  await kafka.admin.setBrokerConfigs({ 'producer.id.expiration.ms': '1' });
  await until('Kafka forgot the run', async () => (await partition.producer(producerId)) === undefined);
  await kafka.admin.setBrokerConfigs({ 'producer.id.expiration.ms': String(REMEMBERED_MS) });
}
