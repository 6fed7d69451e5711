import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apis } from '@edgelog/wire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestBrokers } from '../../hub/test/cluster/support.ts';
import { SharedJvm } from '../interop/kafka-tools/runner.ts';
import { expectMatch, Toolbox } from '../interop/kafka-tools/toolbox.ts';
import { kafkaJars, skipWithoutJava } from '../setup/kafka-jars.ts';

const WAIT_MS = 240_000;
const skip = skipWithoutJava("the test of Kafka's own tools with a cluster");
let brokers: TestBrokers;
let jvm: SharedJvm;
let tools: Toolbox;
let dir: string;

beforeAll(async () => {
  if (skip) return;
  kafkaJars();
  dir = mkdtempSync(join(tmpdir(), 'edgelog-tools-'));
  brokers = await TestBrokers.start(3, { offsetsPartitions: 1 });
  await brokers.createTopic('moved', [
    [1, 2],
    [2, 3],
  ]);
  const { bootstrap, hub } = brokers.hubs.get(1)!;
  jvm = new SharedJvm();
  tools = new Toolbox({ bootstrap, port: hub.kafkaPort, served: new Set() }, dir, jvm.run);
}, WAIT_MS);

afterAll(async () => {
  await jvm?.stop();
  await brokers?.close();
  if (dir !== undefined) rmSync(dir, { recursive: true });
}, WAIT_MS);

function plan(partitions: readonly { partition: number; replicas: readonly number[] }[]): string {
  const path = join(dir, 'plan.json');
  const named = partitions.map((one) => ({ topic: 'moved', ...one }));
  writeFileSync(path, JSON.stringify({ version: 1, partitions: named }));
  return path;
}

const lying = async () => {
  const { topics } = await brokers.call(1, apis.metadata, {
    topics: [{ name: 'moved' }],
  });
  return topics[0]!.partitions
    .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
    .map(({ replicaNodes }) => replicaNodes);
};

describe.skipIf(skip)("Kafka's own tools operate a cluster", () => {
  test(
    'partitions are moved with a throttle, which is lifted when they are there',
    async () => {
      for (const [index, leader] of [1, 2].entries()) {
        await brokers.untilLed('moved', index, leader);
        await brokers.produce(leader, 'moved', ['a', 'b'], { index });
      }
      const path = plan([
        { partition: 0, replicas: [3, 2] },
        { partition: 1, replicas: [2, 3, 1] },
      ]);
      const execute = ['--execute', '--throttle', '10000000', '--reassignment-json-file', path];
      expectMatch(
        await tools.ok('reassign', execute),
        /throttle limit was set to 10000000 B\/s/,
        /Successfully started partition reassignments for moved-0,moved-1/,
      );
      const verify = ['--verify', '--reassignment-json-file', path];
      await expect
        .poll(() => tools.ok('reassign', verify), { timeout: WAIT_MS / 2, interval: 500 })
        .toMatch(/moved-0 is completed[\s\S]*moved-1 is completed[\s\S]*Clearing broker-level throttles/);
      expect(await lying()).toEqual([
        [3, 2],
        [2, 3, 1],
      ]);
      expectMatch(await tools.ok('reassign', ['--list']), /No partition reassignments found/);
      const dynamic = await tools.ok('configs', [
        '--describe',
        '--entity-type',
        'brokers',
        '--entity-name',
        '3',
      ]);
      expect(dynamic).not.toContain('throttled');
    },
    WAIT_MS,
  );

  test(
    'a move is called off',
    async () => {
      const path = plan([{ partition: 0, replicas: [1, 3] }]);
      await tools.ok('reassign', ['--execute', '--throttle', '1', '--reassignment-json-file', path]);
      const cancelled = await tools.ok('reassign', ['--cancel', '--reassignment-json-file', path]);
      expectMatch(
        cancelled,
        /cancelled partition reassignments for: moved-0|None of the specified partition moves/,
      );
    },
    WAIT_MS,
  );

  test(
    'who is away is told; leaders are elected; the broker is forgotten when it has nothing more',
    async () => {
      const path = plan([
        { partition: 0, replicas: [1, 3] },
        { partition: 1, replicas: [3, 1] },
      ]);
      await tools.ok('reassign', ['--execute', '--reassignment-json-file', path]);
      const verify = ['--verify', '--reassignment-json-file', path];
      await expect
        .poll(() => tools.ok('reassign', verify), { timeout: WAIT_MS / 2, interval: 500 })
        .toMatch(/moved-0 is completed[\s\S]*moved-1 is completed/);
      await brokers.stop(3);
      const describeTopics = (filter: string) => tools.ok('topics', ['--describe', filter]);
      await expect
        .poll(() => describeTopics('--under-replicated-partitions'), { timeout: WAIT_MS / 2, interval: 500 })
        .toMatch(/Partition: 0\tLeader: 1[\s\S]*Partition: 1\tLeader: 1/);
      expect((await describeTopics('--unavailable-partitions')).trim()).toBe('');
      expectMatch(
        await tools.refused('cluster', ['unregister', '--id', '3']),
        /has replicas of 2 partitions/,
      );
      await brokers.add(3);
      await brokers.untilInSync('moved', [1, 3], 1);
      const elect = ['--election-type', 'preferred', '--topic', 'moved', '--partition', '1'];
      const elected = await tools.end('elections', elect);
      expectMatch(
        `${elected.stdout}${elected.stderr}`,
        /Successfully completed|Valid replica already elected/,
      );
      await brokers.untilLed('moved', 1, 3);
      await brokers.stop(2);
      await expect
        .poll(async () => (await tools.end('cluster', ['unregister', '--id', '2'])).stdout, {
          timeout: WAIT_MS / 2,
          interval: 500,
        })
        .toMatch(/Broker 2 is no longer registered/);
      expectMatch(await tools.ok('quorum', ['describe', '--status']), /^CurrentVoters: .*"id": 1.*"id": 3/m);
    },
    WAIT_MS,
  );
});
