import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestHub } from './support/test-hub.ts';

let hub: TestHub;
beforeAll(async () => {
  hub = await TestHub.start();
});
afterAll(() => hub.close());

test("a hub's metrics have the names that Kafka's exporters give them", async () => {
  const kafka = new Kafka({ clientId: 'metrics', brokers: [hub.bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'seen', numPartitions: 2 }] });
  const producer = kafka.producer();
  await producer.connect();
  const messages = Array.from({ length: 5 }, (_, i) => ({ value: `${i}`, partition: i % 2 }));
  await producer.send({ topic: 'seen', messages });
  await producer.disconnect();
  await admin.setOffsets({
    groupId: 'g',
    topic: 'seen',
    partitions: [
      { partition: 0, offset: '1' },
      { partition: 1, offset: '2' },
    ],
  });
  const consumer = kafka.consumer({ groupId: 'reader' });
  await consumer.connect();
  await consumer.subscribe({ topic: 'seen', fromBeginning: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  await consumer.run({
    eachMessage: async () => {
      count += 1;
      if (count === 5) resolve();
    },
  });
  await promise;

  const text = await (await fetch(`http://${hub.hub.addresses.http}/metrics`)).text();
  await consumer.disconnect();
  await admin.disconnect();
  const read = (series: string) => {
    const line = text.split('\n').find((one) => one.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length));
  };
  expect(read('kafka_server_brokertopicmetrics_messagesin_total{topic="seen"}')).toBe(5);
  const bytes = read('kafka_server_brokertopicmetrics_bytesin_total{topic="seen"}');
  expect(bytes).toBeGreaterThan(61);
  expect(read('kafka_server_brokertopicmetrics_bytesout_total{topic="seen"}')).toBe(bytes);
  const sizes = [0, 1].map((index) => read(`kafka_log_log_size{topic="seen",partition="${index}"}`) ?? 0);
  expect(sizes[0]! + sizes[1]!).toBe(bytes);
  expect(read('kafka_log_log_logstartoffset{topic="seen",partition="0"}')).toBe(0);
  expect(read('kafka_log_log_logendoffset{topic="seen",partition="0"}')).toBe(3);
  expect(read('kafka_topic_partitions{topic="seen"}')).toBe(2);
  expect(read('kafka_topic_partition_current_offset{topic="seen",partition="1"}')).toBe(2);
  expect(read('kafka_consumergroup_current_offset{consumergroup="g",topic="seen",partition="0"}')).toBe(1);
  expect(read('kafka_consumergroup_lag{consumergroup="g",topic="seen",partition="0"}')).toBe(2);
  expect(read('kafka_consumergroup_lag_sum{consumergroup="g",topic="seen"}')).toBe(2);
  expect(read('kafka_consumergroup_members{consumergroup="reader"}')).toBe(1);
  expect(text).not.toContain('__consumer_offsets');
  const families = text
    .split('\n')
    .filter((line) => line.startsWith('# TYPE'))
    .map((line) => line.split(' ')[2]);
  expect(new Set(families).size).toBe(families.length);
});
