import { rmSync } from 'node:fs';
import { ErrorCode } from '@edgelog/wire';
import { askKafka } from '../harness/kafka-raw.ts';
import { until } from '../harness/wait.ts';
import { type BrokerName, prepareBroker } from './brokers.ts';
import { createTopic } from './create-topic.ts';
import { connectMember, type GroupMember, type Protocol } from './group-member.ts';
import { type BenchOptions, printTable } from './report.ts';
import { scratchDir } from './scratch.ts';
import { cpuSeconds } from './usage.ts';

/** At scale 1. */
const GROUPS = 100;
const MEMBERS = 10;
const TOPIC = 'shared';
const PARTITIONS = 30;
const HEARTBEAT_MS = 3_000;
const WAIT_MS = 180_000;
const NAMES: readonly BrokerName[] = ['kafka', 'hub'];
const PROTOCOLS: readonly Protocol[] = ['classic', 'consumer'];

/** A thousand consumers in a hundred groups: until all are stable after they start, and after each group lost a member. */
export async function benchGroups({ scale }: BenchOptions): Promise<void> {
  const count = Math.ceil(GROUPS * scale);
  const rows: string[][] = [];
  for (const protocol of PROTOCOLS)
    for (const name of NAMES) rows.push([protocol, name, ...(await measure(name, protocol, count))]);
  printTable(
    `${count} groups of ${MEMBERS} consumers, ${PARTITIONS} partitions each`,
    ['protocol', 'broker', 'stable after s', 'CPU s', 'after a member left, s', 'CPU s', 'private MiB'],
    rows,
  );
}

async function measure(name: BrokerName, protocol: Protocol, count: number): Promise<string[]> {
  const dir = scratchDir();
  const broker = await prepareBroker(name, dir);
  const groups: GroupMember[][] = [];
  try {
    await broker.start();
    await createTopic(broker.port, TOPIC, PARTITIONS);
    await coordinatorReady(broker.port, protocol);
    const started = await timed(broker, async () => {
      const options = { port: broker.port, topic: TOPIC, partitions: PARTITIONS, heartbeatMs: HEARTBEAT_MS };
      for (let g = 0; g < count; g++) {
        const groupId = `group-${g}`;
        const joining = Array.from({ length: MEMBERS }, () =>
          connectMember(protocol, { ...options, groupId }),
        );
        groups.push(await Promise.all(joining));
      }
      await allStable(groups);
    });
    const left = await timed(broker, async () => {
      await Promise.all(groups.map((members) => members.pop()!.leave()));
      await allStable(groups);
    });
    const mib = (broker.process.privateBytes() / 2 ** 20).toFixed(0);
    return [...started, ...left, mib];
  } finally {
    for (const member of groups.flat()) member.end();
    await broker.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Kafka makes its offsets topic when it is first asked for a coordinator. */
async function coordinatorReady(port: number, protocol: Protocol): Promise<void> {
  const groupId = 'first';
  await until('there is a coordinator', async () => {
    const { coordinators } = await askKafka(port, 'findCoordinator', 4, {
      keyType: 0,
      coordinatorKeys: [groupId],
    });
    return coordinators[0]!.errorCode === ErrorCode.NONE;
  });
  const options = { port, groupId, topic: TOPIC, partitions: PARTITIONS, heartbeatMs: HEARTBEAT_MS };
  const member = await connectMember(protocol, options);
  await allStable([[member]]);
  await member.leave();
}

/** Seconds that it took, and seconds of the broker's processor time. */
async function timed(
  broker: Awaited<ReturnType<typeof prepareBroker>>,
  work: () => Promise<void>,
): Promise<string[]> {
  const [startedAt, cpu] = [performance.now(), cpuSeconds(broker.process)];
  await work();
  return [((performance.now() - startedAt) / 1000).toFixed(1), (cpuSeconds(broker.process) - cpu).toFixed(2)];
}

/** Every member has a share, and together they have every partition once. */
async function allStable(groups: readonly (readonly GroupMember[])[]): Promise<void> {
  const isStable = (members: readonly GroupMember[]) =>
    members.every(({ assigned }) => (assigned ?? 0) > 0) &&
    members.reduce((sum, { assigned }) => sum + (assigned ?? 0), 0) === PARTITIONS;
  await until('all groups are stable', () => groups.every(isStable), WAIT_MS);
}
