import { expect, test } from 'vitest';
import { javaHub } from '../harness/java-hub.ts';
import { run } from '../harness/process.ts';
import { kafkaTool } from '../setup/kafka-jars.ts';

const TOPIC = 'fetch-session-topic';
const PARTITIONS = 200;
const RECORDS = 500;
const SHOW_SESSIONS = '-Dorg.slf4j.simpleLogger.log.org.apache.kafka.clients.FetchSessionHandler=debug';

const hub = javaHub("the test of Java's fetch sessions");

async function java(mainClass: string, args: readonly string[], input = '') {
  const server = ['--bootstrap-server', hub.system.bootstrap, '--topic', TOPIC];
  const all = [SHOW_SESSIONS, ...kafkaTool(mainClass, ...server, ...args)];
  return run('java', all, { timeoutMs: 240_000, input });
}

test.skipIf(hub.skip)('the Java consumer keeps a fetch session and closes it without complaint', async () => {
  const created = await java('org.apache.kafka.tools.TopicCommand', [
    '--create',
    '--partitions',
    `${PARTITIONS}`,
  ]);
  expect(created.code).toBe(0);
  const values = Array.from({ length: RECORDS }, (_, i) => `value-${i}`);
  const split = ['--property', 'parse.key=true', '--property', 'key.separator=:'];
  const keyed = values.map((value, i) => `${i}:${value}\n`).join('');
  expect((await java('org.apache.kafka.tools.ConsoleProducer', split, keyed)).code).toBe(0);
  const small = ['--consumer-property', 'fetch.max.bytes=2000'];
  const reading = ['--from-beginning', '--max-messages', `${RECORDS}`, ...small];
  const { stdout, stderr } = await java('org.apache.kafka.tools.consumer.ConsoleConsumer', reading);
  expect(stdout.trim().split('\n').sort()).toEqual(values.sort());
  expect(stderr).toMatch(/sent an incremental fetch response/);
  expect(stderr).not.toMatch(/invalid (full|incremental) fetch response/);
});
