import { freePorts } from '@edgelog/sim';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OperatedHub, startOperatedHub } from './operated-hub.ts';

let hub: OperatedHub;
beforeAll(async () => {
  hub = await startOperatedHub();
});
afterAll(() => hub.remove());

const topics = (...args: string[]) => hub.operate('topics', ...args);
const groups = (...args: string[]) => hub.operate('groups', ...args);

test("topics are created, listed, described and deleted, with words or with Kafka's flags", async () => {
  const created = await topics(
    '--create',
    '--topic',
    'orders,bills',
    '--partitions',
    '2',
    '--config',
    'cleanup.policy=delete',
  );
  expect(created).toEqual({ code: 0, stdout: 'created topic orders\ncreated topic bills\n', stderr: '' });
  expect((await topics('list')).stdout.split('\n')).toEqual(expect.arrayContaining(['bills', 'orders']));
  const described = JSON.parse((await topics('describe', 'orders', '--json')).stdout);
  expect(described).toMatchObject([
    {
      name: 'orders',
      partitions: [{ partition: 0, leader: 1, startOffset: 0, endOffset: 0 }, { partition: 1 }],
    },
  ]);
  expect((await topics('--describe')).stdout).toMatch(/^bills +0 +1 +1 +1 +0 +0 +0$/m);
  expect(await topics('delete', 'bills')).toEqual({ code: 0, stdout: 'deleted topic bills\n', stderr: '' });
});
test('partitions are added to a topic, never taken away', async () => {
  await topics('create', 'growing', '--partitions', '1');
  expect(await topics('--alter', '--topic', 'growing', '--partitions', '3')).toEqual({
    code: 0,
    stdout: 'altered topic growing\n',
    stderr: '',
  });
  expect(JSON.parse((await topics('describe', 'growing', '--json')).stdout)[0].partitions).toHaveLength(3);
  expect(await topics('alter', 'growing', '--partitions', '2')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('topic growing: INVALID_PARTITIONS'),
  });
  expect((await topics('alter', 'growing')).stderr).toContain('--partitions is required');
});
test('what is refused is named with the reason, exit status 1', async () => {
  await topics('create', 'twice');
  expect(await topics('create', 'twice')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('topic twice: TOPIC_ALREADY_EXISTS'),
  });
  expect((await topics('create', 'twice', '--if-not-exists')).code).toBe(0);
  expect(await topics('create', 'no/slash')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('INVALID_TOPIC_EXCEPTION'),
  });
  expect(await topics('delete', 'nowhere')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('UNKNOWN_TOPIC_OR_PARTITION'),
  });
  expect((await topics('delete', 'nowhere', '--if-exists')).code).toBe(0);
  expect(await topics('describe', 'nowhere')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('topic nowhere'),
  });
  expect(await groups('describe', 'nobody')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('GROUP_ID_NOT_FOUND'),
  });
});
test("topics are chosen by a name, or by a pattern as in Kafka's tools", async () => {
  for (const name of ['plant-a', 'plant-b', 'plantXa']) await topics('create', name, '--partitions', '1');
  const listed = async (...args: string[]) =>
    (await topics('--list', ...args)).stdout.split('\n').slice(0, -1);
  expect(await listed('--topic', 'plant-a')).toEqual(['plant-a']);
  expect(await listed('--topic', 'plant-.*')).toEqual(['plant-a', 'plant-b']);
  expect(await listed('--topic', 'plant-c')).toEqual([]);
  expect(await listed('--exclude-internal')).not.toContain('__consumer_offsets');
  expect(await listed()).toContain('__consumer_offsets');
  expect((await topics('list', '--topic', 'plant-(')).stderr).toContain(
    'neither a topic nor a regular expression',
  );
  expect((await topics('describe', 'plant-c', '--if-exists')).code).toBe(0);
  const none = JSON.parse(
    (await topics('describe', 'plant-a', '--under-replicated-partitions', '--json')).stdout,
  );
  expect(none).toEqual([]);
  expect((await topics('--delete', '--topic', 'plant-.*')).stdout).toBe(
    'deleted topic plant-a\ndeleted topic plant-b\n',
  );
  expect(await listed('--topic', 'plant.*')).toEqual(['plantXa']);
  expect((await topics('delete', 'plant-.*')).code).toBe(0);
});
test('a broker that advertises a wrong address is told from one that is down', async () => {
  const [port] = await freePorts(1);
  const astray = await startOperatedHub({ advertise: `127.0.0.1:${port}` });
  try {
    expect(await astray.operate('topics', 'create', 'any')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(`(127.0.0.1:${port} is what broker 1 advertises)`),
    });
  } finally {
    await astray.remove();
  }
});
test('a verb that is missing, doubled or unknown is a usage error', async () => {
  expect((await topics()).stderr).toContain('give exactly one of list, describe, create, alter, delete');
  expect((await topics('list', '--create')).stderr).toContain('give exactly one of');
  expect((await groups('lst')).stderr).toContain('unknown verb "lst" (did you mean list?)');
  expect((await topics('create')).stderr).toContain('--topic is required');
});
test('a group is shown with its members, committed offsets and lag', async () => {
  await topics('create', 'work', '--partitions', '2');
  const kafka = new Kafka({ clientId: 'test', brokers: [hub.server], logLevel: logLevel.NOTHING });
  const producer = kafka.producer();
  await producer.connect();
  const send = (count: number) =>
    producer.send({
      topic: 'work',
      messages: Array.from({ length: count }, (_, i) => ({ value: `${i}`, partition: 1 })),
    });
  await send(10);
  const consumer = kafka.consumer({ groupId: 'workers' });
  await consumer.connect();
  await consumer.subscribe({ topic: 'work', fromBeginning: true });
  const consumed = Promise.withResolvers<void>();
  let seen = 0;
  await consumer.run({
    autoCommitThreshold: 10,
    eachMessage: async () => {
      seen += 1;
      if (seen === 10) consumed.resolve();
    },
  });
  await consumed.promise;
  await expect
    .poll(async () => JSON.parse((await groups('describe', 'workers', '--json')).stdout)[0].partitions)
    .toContainEqual(expect.objectContaining({ topic: 'work', partition: 1, currentOffset: 10, lag: 0 }));
  consumer.pause([{ topic: 'work' }]);
  await send(5);
  const { stdout } = await groups('--describe', '--group', 'workers');
  expect(stdout).toContain('group workers: Stable, 1 member');
  expect(stdout).toMatch(/^workers +work +1 +10 +15 +5 +test-\S+ +\S+ +test$/m);
  expect((await groups('list')).stdout).toMatch(/^workers +Stable +classic +consumer$/m);
  await consumer.disconnect();
  await producer.disconnect();
});
