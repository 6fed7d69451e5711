import { until } from '@edgelog/sim';
import { apis } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Overview } from '../../src/http/overview/overview.ts';
import { TestBrokers } from './support.ts';

let brokers: TestBrokers;
beforeAll(async () => {
  brokers = await TestBrokers.start(3, { offsetsPartitions: 3 });
  await brokers.createTopic('seen', [
    [1, 2, 3],
    [2, 3, 1],
    [3, 1, 2],
  ]);
  for (const index of [0, 1, 2]) await brokers.untilInSync('seen', [1, 2, 3], index);
  await brokers.produce(await brokers.untilLed('seen', 0), 'seen', ['a', 'b', 'c']);
});
afterAll(() => brokers.close());

const base = (id: number) => `http://${brokers.hubs.get(id)!.hub.addresses.http}`;
const overview = async (id: number, query = '') =>
  (await (await fetch(`${base(id)}/overview?${query}`)).json()) as Overview;
/** Brokers hear of what changes one after the other. */
const untilSum = (ids: readonly number[], series: string, expected: number) =>
  until(async () => (await sumOf(ids, series)) === expected, `${series} is ${expected}`);
async function metric(id: number, series: string): Promise<number | undefined> {
  const text = await (await fetch(`${base(id)}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
}
const sumOf = async (ids: readonly number[], series: string) =>
  (await Promise.all(ids.map((id) => metric(id, series)))).reduce<number>((sum, value) => sum + value!, 0);

/** Through whichever broker coordinates the group. */
async function commit(groupId: string, offset: number): Promise<void> {
  await until(async () => {
    const asked = { keyType: 0, coordinatorKeys: [groupId] };
    const { coordinators } = await brokers.call(brokers.any, apis.findCoordinator, asked);
    const { nodeId, errorCode } = coordinators[0]!;
    if (errorCode !== 0) return false;
    const partitions = [{ partitionIndex: 0, committedOffset: offset, committedMetadata: '' }];
    const { topics } = await brokers.call(nodeId, apis.offsetCommit, {
      groupId,
      memberId: '',
      topics: [{ name: 'seen', partitions }],
    });
    return topics[0]!.partitions[0]!.errorCode === 0;
  }, 'the offset is committed');
}

test('the page of every broker shows all brokers, and groups wherever they are coordinated', async () => {
  for (const groupId of ['a', 'b', 'c', 'd']) await commit(groupId, 1);
  for (const id of [1, 2, 3]) {
    let shown!: Overview;
    await until(async () => {
      shown = await overview(id, 'topic=seen&group=b');
      const { brokers: rows, groups, group } = shown;
      // A broker that is slow to report is shown as one, and followers hear of the high watermark later.
      const areKnown = rows.length === 3 && rows.every(({ fault }) => fault === null);
      const lags = [...groups.rows.map(({ lag }) => lag), group?.offsets[0]?.lag];
      return areKnown && groups.rows.length === 4 && lags.every((lag) => lag === 2);
    }, 'its page shows the brokers and the groups');
    expect(shown.isCluster).toBe(true);
    expect(shown.brokerId).toBe(id);
    expect(shown.brokers.map((broker) => [broker.id, broker.state, broker.rack, broker.fault])).toEqual(
      [1, 2, 3].map((other) => [other, 'up', `rack-${other}`, null]),
    );
    for (const broker of shown.brokers) expect(broker.memoryBytes).toBeGreaterThan(0);
    expect(shown.groups.rows.map(({ groupId, lag }) => [groupId, lag])).toEqual([
      ['a', 2],
      ['b', 2],
      ['c', 2],
      ['d', 2],
    ]);
    expect(shown.group?.offsets[0]).toMatchObject({ topic: 'seen', committedOffset: 1, lag: 2 });
    expect(shown.topic!.rows.map(({ replicas }) => replicas)).toEqual([
      [1, 2, 3],
      [2, 3, 1],
      [3, 1, 2],
    ]);
  }
});

test('metrics of all brokers add up, and tell of followers, registration and etcd', async () => {
  const ids = [1, 2, 3];
  await untilSum(ids, 'kafka_controller_kafkacontroller_activecontrollercount', 1);
  await untilSum(ids, 'kafka_server_replicamanager_leadercount', 6);
  await untilSum(ids, 'kafka_server_replicamanager_partitioncount', 18);
  await untilSum(ids, 'kafka_controller_kafkacontroller_offlinepartitionscount', 0);
  for (const id of ids) {
    await untilSum([id], 'kafka_brokers', 3);
    await untilSum([id], 'kafka_server_replicamanager_offlinereplicacount', 0);
    await untilSum([id], 'edgelog_etcd_registered', 1);
    expect(await metric(id, 'edgelog_etcd_request_seconds_count{call="kv/txn"}')).toBeGreaterThan(0);
  }
  const leader = await brokers.untilLed('seen', 0);
  const follower = ids.find((id) => id !== leader)!;
  const lag = `edgelog_replica_lag_records{broker="${follower}",topic="seen",partition="0"}`;
  await until(async () => (await metric(leader, lag)) === 0, 'the follower has all');
});

test('a broker that leaves is shown as gone, and what it leaves as under-replicated', async () => {
  const leads = async (id: number) => {
    const { topic } = await overview(id, 'topic=seen');
    return topic!.rows.map(({ leader }) => leader);
  };
  const shrinks = 'kafka_server_replicamanager_isrshrinks_total';
  const before = await sumOf([1, 2], shrinks);
  await brokers.stop(3);
  await until(async () => {
    const { brokers: rows, totals } = await overview(1);
    return rows[2]?.state === 'gone' && totals.underReplicated === 6 && totals.offline === 0;
  }, 'broker 1 knows that broker 3 is gone');
  expect(await leads(1)).not.toContain(3);
  const { topics } = await overview(1, 'problems=1');
  expect(topics.rows.map(({ name }) => name)).toEqual(['__consumer_offsets', 'seen']);
  await untilSum([1, 2], 'kafka_server_replicamanager_underreplicatedpartitions', 6);
  await untilSum([1, 2], 'kafka_server_replicamanager_underminisrpartitioncount', 0);
  await until(async () => (await sumOf([1, 2], shrinks)) > before, 'the shrinking is counted');
  expect(await metric(1, 'kafka_brokers')).toBe(2);
});
