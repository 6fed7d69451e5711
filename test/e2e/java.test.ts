import { expect, test } from 'vitest';
import { java } from '../harness/java.ts';
import { javaHub } from '../harness/java-hub.ts';
import { TestProcess } from '../harness/process.ts';
import { until } from '../harness/wait.ts';
import { kafkaTool } from '../setup/kafka-jars.ts';

const TOPIC = 'java-topic';
const GROUP = 'java-group';
const hub = javaHub("the tests with Kafka's own tools");

test.skipIf(hub.skip)("Kafka's own tools create, produce, consume in a group and describe it", async () => {
  const server = ['--bootstrap-server', hub.system.bootstrap];
  await java('org.apache.kafka.tools.TopicCommand', [
    ...server,
    '--create',
    '--topic',
    TOPIC,
    '--partitions',
    '3',
  ]);
  const described = await java('org.apache.kafka.tools.TopicCommand', [
    ...server,
    '--describe',
    '--topic',
    TOPIC,
  ]);
  expect(described).toMatch(/PartitionCount: 3/);

  const lines = Array.from({ length: 500 }, (_, i) => `key-${i % 10}\tvalue-${i}`);
  const produce = ['--topic', TOPIC, '--property', 'parse.key=true', '--compression-codec', 'zstd'];
  await java('org.apache.kafka.tools.ConsoleProducer', [...server, ...produce], `${lines.join('\n')}\n`);

  const from = ['--topic', TOPIC, '--from-beginning', '--group', GROUP];
  const format = ['--property', 'print.key=true'];
  const consumer = new TestProcess(
    'Java console consumer',
    'java',
    kafkaTool('org.apache.kafka.tools.consumer.ConsoleConsumer', ...server, ...from, ...format),
  );
  const got = (): string[] => consumer.stdout.split('\n').filter((line) => line.startsWith('key-'));
  await until('the Java consumer has everything', () => got().length >= lines.length);
  expect(got().toSorted()).toEqual(lines.toSorted());

  const live = await java('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
    ...server,
    ...['--describe', '--group', GROUP],
  ]);
  expect(live.split('\n').filter((line) => line.startsWith(GROUP))).toHaveLength(3);
  await consumer.stop();

  const args = [...server, '--describe', '--group', GROUP];
  const rows = (await java('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', args))
    .split('\n')
    .filter((line) => line.startsWith(GROUP))
    .map((line) => line.trim().split(/\s+/));
  const [current, end, lag] = [3, 4, 5].map((column) =>
    rows.reduce((sum, row) => sum + Number(row[column]), 0),
  );
  expect([rows.length, current, end, lag]).toEqual([3, 500, 500, 0]);
});
