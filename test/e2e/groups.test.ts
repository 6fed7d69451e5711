import { Kafka, logLevel, type PartitionAssigner, PartitionAssigners } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, TestProcess } from '../harness/process.ts';
import { System } from '../harness/system.ts';
import { until } from '../harness/wait.ts';

const TOPIC = 'shared-work';
const GROUP = 'workers';
/** Members agree on an assignor by name, and kafkajs gives the standard one a name of its own. */
const roundRobin: PartitionAssigner = (config) => {
  const assigner = PartitionAssigners.roundRobin(config);
  const name = 'roundrobin';
  return { ...assigner, name, protocol: (subscription) => ({ ...assigner.protocol(subscription), name }) };
};

let system: System;

beforeAll(async () => {
  system = await System.create();
  await system.startHub();
  const { code, stderr } = await run(process.execPath, [
    'packages/cli/src/main.ts',
    ...['topics', '--bootstrap-server', system.bootstrap, '--create', '--topic', TOPIC, '--partitions', '4'],
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

afterAll(async () => {
  await system?.stop();
});

/** Produces `count` records spread over the partitions; values are `first` … `first + count − 1`. */
async function produce(first: number, count: number): Promise<void> {
  for (let partition = 0; partition < 4; partition++) {
    const lines = Array.from({ length: count }, (_, i) => first + i).filter((n) => n % 4 === partition);
    const args = ['-b', system.bootstrap, '-P', '-t', TOPIC, '-p', String(partition), '-z', 'gzip'];
    const { code, stderr } = await run('kcat', args, { input: `${lines.join('\n')}\n` });
    expect([code, stderr]).toEqual([0, '']);
  }
}

function kcatMember(): TestProcess {
  const args = ['-b', system.bootstrap, '-G', GROUP, '-u', '-q', '-f', '%s\n'];
  const settings = [
    'session.timeout.ms=6000',
    'auto.commit.interval.ms=200',
    'auto.offset.reset=earliest',
    'partition.assignment.strategy=roundrobin',
  ];
  return new TestProcess('kcat member', 'kcat', [...args, ...settings.flatMap((s) => ['-X', s]), TOPIC]);
}

test('kafkajs and kcat share a group, one is killed, the other takes over; offsets survive a hub restart', async () => {
  const kafka = new Kafka({ clientId: 'e2e', brokers: [system.bootstrap], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({
    groupId: GROUP,
    sessionTimeout: 6_000,
    heartbeatInterval: 500,
    partitionAssigners: [roundRobin],
  });
  const byKafkajs: number[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [TOPIC], fromBeginning: true });
  await consumer.run({
    autoCommitInterval: 200,
    eachMessage: async ({ message }) => void byKafkajs.push(Number(message.value!.toString())),
  });
  const kcat = kcatMember();
  const assigned = async (): Promise<number[]> => {
    const admin = kafka.admin();
    await admin.connect();
    const { groups } = await admin.describeGroups([GROUP]);
    await admin.disconnect();
    const group = groups[0]!;
    return group.state === 'Stable' ? group.members.map((member) => member.memberAssignment.length) : [];
  };
  await until('both are members', async () => (await assigned()).length === 2, 120_000, 200);

  await produce(0, 400);
  const byKcat = (): number[] => kcat.stdout.split('\n').filter(Boolean).map(Number);
  const total = (): number => new Set([...byKafkajs, ...byKcat()]).size;
  await until('400 records are consumed', () => total() === 400);
  expect(byKafkajs.length).toBeGreaterThan(0);
  expect(byKcat().length).toBeGreaterThan(0);

  await kcat.stop('SIGKILL');
  await until('kafkajs alone is left', async () => (await assigned()).length === 1, 120_000, 200);
  await produce(400, 400);
  await until('kafkajs has all of the second half', () => {
    return byKafkajs.filter((n) => n >= 400).length >= 400;
  });
  const offsets = async (): Promise<number> => {
    const admin = kafka.admin();
    await admin.connect();
    const [topic] = await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] });
    await admin.disconnect();
    return topic!.partitions.reduce((sum, { offset }) => sum + Number(offset), 0);
  };
  await until('everything is committed', async () => (await offsets()) === 800);
  await consumer.disconnect();

  await system.hub!.stop();
  await system.startHub();
  expect(await offsets()).toBe(800);
  await produce(800, 40);
  const resumed = kcatMember();
  const got = (): number[] =>
    resumed.stdout
      .split('\n')
      .filter(Boolean)
      .map(Number)
      .sort((a, b) => a - b);
  await until('a new member resumes at the committed offsets', () => got().length >= 40);
  expect(got()).toEqual(Array.from({ length: 40 }, (_, i) => 800 + i));
  await resumed.stop();
});
