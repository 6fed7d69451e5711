import { EdgelogError } from '@edgelog/base';
import { NO_LEADER, type PartitionRecord } from '@edgelog/cluster';
import { TestCluster } from '@edgelog/etcd/testing/cluster.ts';
import { afterAll, test as base, beforeAll, expect } from 'vitest';
import { z } from 'zod';
import { DEFAULT_PLACEMENT, isRefused, type Placement } from '../metadata/topic-admin.ts';
import type { Topic } from '../metadata/topics.ts';
import { MIN_INSYNC_MS } from './etcd-topics.ts';
import { eventually, SHORT_SESSION, type TestMember, TestMembers } from './testing/members.ts';

let etcd: TestCluster;

beforeAll(async () => {
  etcd = await TestCluster.start({ members: 1 });
});
afterAll(() => etcd.stop());

/** Each test has a cluster of its own, and mostly waits. */
const test = base.extend<{ members: TestMembers }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads which fixtures this one needs.
  members: async ({}, use) => {
    const members = new TestMembers(etcd);
    await use(members);
    await members.closeAll();
  },
}).concurrent;

async function create(
  { handle }: TestMember,
  name: string,
  partitions: number,
  placement: Placement = DEFAULT_PLACEMENT,
  configs: Record<string, string> = {},
): Promise<Topic> {
  const topic = await handle.topicAdmin.create({ name, partitions, configs, placement });
  if (isRefused(topic)) throw new Error(topic.message);
  return topic;
}

function record({ handle }: TestMember, { id }: Topic, index: number): PartitionRecord {
  return handle.mirror.metadata.partition(id, index)!.record;
}

const records = (member: TestMember): PartitionRecord[] =>
  Array.from(member.handle.mirror.metadata.partitions(), (entry) => entry.record);

const controllerOf = (member: TestMember): number => member.handle.cluster.controllerId;

async function elected(all: readonly TestMember[]): Promise<TestMember> {
  await eventually(() => all.some((one) => controllerOf(one) !== -1), 'a controller is elected');
  const id = controllerOf(all.find((one) => controllerOf(one) !== -1)!);
  return all.find(({ brokerId }) => brokerId === id)!;
}

test('brokers see each other, one controller and one cluster id', async ({ members }) => {
  const all = await members.start(1, 2, 3);
  const [one] = all;
  await elected(all);
  await eventually(() => all.every((member) => controllerOf(member) !== -1), 'all know the controller');
  expect(new Set(all.map(controllerOf)).size).toBe(1);
  expect(new Set(all.map(({ handle }) => handle.clusterId)).size).toBe(1);
  const nodes = one!.handle.cluster.nodes({ host: 'local', port: 1 });
  expect(nodes.map(({ nodeId }) => nodeId)).toEqual([1, 2, 3]);
  expect(one!.handle.health()).toEqual([]);
});

test('a topic that one broker creates is in the catalogue of that broker at once, and of the others soon', async ({
  members,
}) => {
  const [one, two] = await members.start(1, 2, 3);
  const topic = await create(one!, 'telemetry', 6);
  expect(one!.topics.get('telemetry')?.partitions).toHaveLength(6);
  const leaders = records(one!).map(({ leader }) => leader);
  expect(leaders.filter((id) => id === 1)).toHaveLength(2);
  expect(record(one!, topic, 0)).toMatchObject({ minInsync: 2, leaderEpoch: 0 });
  expect(record(one!, topic, 0).isr).toHaveLength(3);
  await eventually(() => two!.topics.get('telemetry')?.partitions.length === 6, 'the other one has it');
});

test('of two brokers that create the same topic one is told that it exists', async ({ members }) => {
  const all = await members.start(1, 2, 3);
  const outcomes = await Promise.all(
    all.map(({ handle }) =>
      handle.topicAdmin.create({ name: 'same', partitions: 3, configs: {}, placement: DEFAULT_PLACEMENT }),
    ),
  );
  const refused = outcomes.filter((one) => isRefused(one));
  expect(refused.map(({ error }) => error)).toEqual(['TOPIC_ALREADY_EXISTS', 'TOPIC_ALREADY_EXISTS']);
  await eventually(() => all.every(({ topics }) => topics.get('same') !== undefined), 'all have it');
});

test('a topic of more partitions than one transaction holds is whole or not there', async ({ members }) => {
  const [one] = await members.start(1);
  await create(one!, 'large', 350, { replicas: 1 });
  expect(records(one!)).toHaveLength(350);
  expect(records(one!).every(({ leader }) => leader === 1)).toBe(true);
});

test('placements that cannot be had are refused as Kafka names it', async ({ members }) => {
  const [one] = await members.start(1, 2);
  const { topicAdmin } = one!.handle;
  await eventually(() => one!.handle.cluster.nodes({ host: '', port: 0 }).length === 2, 'both are known');
  const check = (placement: Placement) => topicAdmin.checkPlacement(placement, 1)?.error;
  expect(check(DEFAULT_PLACEMENT)).toBe('INVALID_REPLICATION_FACTOR');
  expect(check({ replicas: 0 })).toBe('INVALID_REPLICATION_FACTOR');
  expect(check({ replicas: 2 })).toBeUndefined();
  expect(check({ assignment: [[2, 1]] })).toBeUndefined();
  expect(check({ assignment: [[1, 1]] })).toBe('INVALID_REPLICA_ASSIGNMENT');
  expect(check({ assignment: [[3]] })).toBe('INVALID_REPLICA_ASSIGNMENT');
  expect(check({ assignment: [[]] })).toBe('INVALID_REPLICA_ASSIGNMENT');
  const topic = await create(one!, 'placed', 2, { assignment: [[2, 1], [1]].map(() => [2, 1]) });
  expect([0, 1].map((index) => record(one!, topic, index).leader)).toEqual([2, 2]);
});

test('while a broker is away, a topic is made with it as its last replica, out of the ISR until it is back', async ({
  members,
}) => {
  const [one, two, three] = await members.start(1, 2, 3);
  await elected([one!, two!, three!]);
  await three!.close();
  const { mirror, topicAdmin } = one!.handle;
  await eventually(() => mirror.metadata.broker(3) === undefined, 'broker 3 is gone');
  const topic = await create(one!, 'meanwhile', 4, { replicas: 3 });
  for (let index = 0; index < 4; index++) {
    const { replicas, isr, leader } = record(one!, topic, index);
    expect(replicas.slice(0, 2).sort()).toEqual([1, 2]);
    expect(replicas[2]).toBe(3);
    expect([...isr].sort()).toEqual([1, 2]);
    expect(leader).toBe(replicas[0]);
  }
  expect(await topicAdmin.addPartitions(topic, 5, DEFAULT_PLACEMENT)).toBeUndefined();
  expect(record(one!, topic, 4).replicas[2]).toBe(3);
  const refusal = (placement: Placement) => topicAdmin.checkPlacement(placement, 1)?.error;
  expect(refusal({ replicas: 4 })).toBe('INVALID_REPLICATION_FACTOR');
  expect(refusal({ assignment: [[3]] }), 'nobody could lead it').toBe('INVALID_REPLICA_ASSIGNMENT');
  const placed = await create(one!, 'placed', 1, { assignment: [[3, 2]] });
  expect(record(one!, placed, 0)).toMatchObject({ replicas: [3, 2], isr: [2], leader: 2 });
});

test('partitions are added, with as many replicas as the others have', async ({ members }) => {
  const [one] = await members.start(1, 2);
  const topic = await create(one!, 'growing', 1, { replicas: 1 });
  expect(await one!.handle.topicAdmin.addPartitions(topic, 4, DEFAULT_PLACEMENT)).toBeUndefined();
  expect(one!.topics.get('growing')?.partitions).toHaveLength(4);
  expect(record(one!, topic, 3).replicas).toHaveLength(1);
});

test('a topic that is deleted is gone at once, and its partitions from etcd', async ({ members }) => {
  const [one] = await members.start(1);
  const topic = await create(one!, 'short', 120, { replicas: 1 });
  expect(await one!.handle.topicAdmin.delete(topic)).toBeUndefined();
  expect(one!.topics.get('short')).toBeUndefined();
  const again = await create(one!, 'short', 1, { replicas: 1 });
  expect(again.id).not.toBe(topic.id);
  const { keys } = one!.handle;
  const left = async () => (await etcd.client().range({ prefix: keys.partitionsOf(topic.id) })).kvs.length;
  await eventually(async () => (await left()) === 0, 'no partition of it is left');
});

test('another min.insync.replicas reaches every partition before the change is answered', async ({
  members,
}) => {
  const all = await members.start(1, 2, 3);
  await elected(all);
  const topic = await create(all[0]!, 'strict', 5);
  const { topicAdmin } = all[0]!.handle;
  const askedAt = performance.now();
  expect(await topicAdmin.setConfigs(topic, { 'min.insync.replicas': '3' })).toBeUndefined();
  const isReached = (): boolean => records(all[0]!).every(({ minInsync }) => minInsync === 3);
  // The answer waits so long and no longer, which a machine with too much to do may need.
  if (performance.now() - askedAt >= MIN_INSYNC_MS) await eventually(isReached, 'every partition has it');
  expect(records(all[0]!).map(({ minInsync }) => minInsync)).toEqual([3, 3, 3, 3, 3]);
  const stale = { ...topic, configs: {} } as Topic;
  expect(await topicAdmin.setConfigs(stale, {})).toMatchObject({ error: 'OPERATION_NOT_ATTEMPTED' });
});

test('a broker whose connections are refused is replaced long before its lease ends', async ({ members }) => {
  const all = await members.start(1, 2, 3);
  const controller = await elected(all);
  const topic = await create(controller, 'led', 9);
  await eventually(() => all.every((one) => records(one).length === 9), 'all know the partitions');
  const victim = all.find((one) => one !== controller)!;
  await victim.watchedBy(1);
  victim.kill();
  await eventually(
    () => records(controller).every(({ leader, isr }) => leader !== victim.brokerId && isr.length === 2),
    'nobody is led by the dead broker',
  );
  expect(records(controller)).toHaveLength(9);
  expect(record(controller, topic, 0).leader).not.toBe(NO_LEADER);
  // The mirror may hear of it before the one who wrote it is answered.
  await eventually(() => controller.has('broker is gone'), 'it is said who ended the registration');
});

test('a controller that is gone is replaced, with what it led', async ({ members }) => {
  const all = await members.start(1, 2, 3);
  const controller = await elected(all);
  const [other] = all.filter((one) => one !== controller);
  await create(other!, 'led', 9);
  await controller.watchedBy(2);
  controller.kill();
  await eventually(
    () => controllerOf(other!) !== -1 && controllerOf(other!) !== controller.brokerId,
    'another one is elected',
  );
  await eventually(
    () => records(other!).every(({ leader }) => leader !== controller.brokerId && leader !== NO_LEADER),
    'its partitions are led by others',
  );
});

test('a silent broker is given up when its lease ends, and knows it first', async ({ members }) => {
  const [one] = await members.start(1, 2);
  const victim = await members.member(3, { settings: SHORT_SESSION }).start();
  await eventually(() => one!.handle.mirror.metadata.broker(3) !== undefined, 'it is known');
  const led = await create(one!, 'led', 1, { assignment: [[3, 1, 2]] });
  let knewFirst: boolean | undefined;
  one!.handle.mirror.onChange(({ brokers }) => {
    if (brokers.some(({ before, after }) => before?.id === 3 && after === undefined))
      knewFirst = victim.handle.session.epoch === undefined;
  });
  victim.handle.etcd.close();
  await eventually(() => [1, 2].includes(record(one!, led, 0).leader), 'the others lead');
  await eventually(() => knewFirst !== undefined, 'the others know that it is gone');
  expect(knewFirst).toBe(true);
  expect(victim.handle.health()).toHaveLength(1);
});

test('a broker that comes back leads again where it is preferred', async ({ members }) => {
  const soon = { preferredDelayMs: 500 };
  const [one, two] = await members.startWith(soon, 1, 2, 3);
  const topic = await create(one!, 'led', 1, { assignment: [[2, 1, 3]] });
  await two!.close();
  await eventually(() => record(one!, topic, 0).leader === 1, 'the next replica leads');
  const back = await members.member(2, { dir: two!.dir, ...soon }).start();
  // Nobody replicates here: as the leader would.
  const { mirror, writes, keys } = one!.handle;
  await eventually(async () => {
    const entry = mirror.metadata.partition(topic.id, 0)!;
    if (entry.record.isr.includes(2)) return true;
    const key = keys.partition(topic.id, 0);
    const value = JSON.stringify({ ...entry.record, isr: entry.record.replicas });
    await writes.txn({ compare: [{ key, modRevision: entry.revision }], success: [{ put: key, value }] });
    return false;
  }, 'it joins the ISR');
  await eventually(() => record(one!, topic, 0).leader === 2, 'it leads');
  expect(record(one!, topic, 0).leaderBrokerEpoch).toBe(back.handle.session.epoch);
});

test('a broker that is killed and started again at once takes its own place, in another epoch', async ({
  members,
}) => {
  const [one] = await members.start(1);
  const before = one!.handle.session.epoch!;
  one!.kill();
  await one!.close();
  const again = await members.member(1, { dir: one!.dir }).start();
  expect(again.handle.session.epoch).toBeGreaterThan(before);
  expect(again.handle.health()).toEqual([]);
});

test('a broker with a new disk is out of every ISR and ELR before it counts again', async ({ members }) => {
  const all = await members.start(1, 2, 3);
  const [one, two] = all;
  const topic = await create(one!, 'kept', 1, { assignment: [[2, 1, 3]] });
  const lonely = await create(one!, 'lonely', 1, { assignment: [[2]] });
  await two!.close();
  await eventually(() => record(one!, lonely, 0).leader === NO_LEADER, 'nobody else can lead');
  expect(record(one!, lonely, 0)).toMatchObject({ leader: NO_LEADER, isr: [], elr: [2] });
  const states = one!.handle.states;
  let violations = 0;
  one!.handle.mirror.onChange(() => {
    const { lostData, epoch } = states(2);
    if (epoch !== undefined && !lostData && record(one!, lonely, 0).elr.includes(2)) violations++;
  });
  const wiped = await members.member(2).start();
  expect(wiped.has('lacks what its broker once confirmed')).toBe(true);
  await eventually(() => states(2).epoch !== undefined && !states(2).lostData, 'the new disk is accepted');
  expect(violations).toBe(0);
  expect(record(one!, lonely, 0)).toMatchObject({ leader: NO_LEADER, isr: [], elr: [] });
  expect(record(one!, topic, 0).isr).not.toContain(2);
  const { clusterAdmin } = one!.handle;
  expect(await clusterAdmin.electUnclean(lonely, 0)).toBeUndefined();
  expect(record(one!, lonely, 0)).toMatchObject({ leader: 2, isr: [2] });
});

test('a broker that leaves hands over what others can lead, and keeps what they cannot', async ({
  members,
}) => {
  const all = await members.start(1, 2);
  const [one, two] = all;
  await elected(all);
  const shared = await create(one!, 'shared', 6, { replicas: 2 });
  const own = await create(one!, 'own', 1, { assignment: [[1]] });
  await one!.handle.drain();
  expect(record(one!, own, 0).leader).toBe(1);
  for (let index = 0; index < 6; index++)
    expect(record(one!, shared, index)).toMatchObject({ leader: 2, isr: [2] });
  await one!.close();
  await eventually(() => two!.handle.cluster.absent.includes(1), 'its registration is gone with it');
  await eventually(() => controllerOf(two!) === 2, 'the other is the controller');
});

test('a broker that leaves waits for one that is about to be in sync where it is needed', async ({
  members,
}) => {
  const [one] = await members.start(1, 2, 3);
  const topic = await create(one!, 'narrow', 1, { assignment: [[1, 2, 3]] });
  const { keys, writes, mirror } = one!.handle;
  const key = keys.partition(topic.id, 0);
  const withIsr = async (isr: readonly number[]): Promise<void> => {
    const value = JSON.stringify({ ...record(one!, topic, 0), isr });
    const outcome = await writes.txn({ success: [{ put: key, value }] });
    await mirror.caughtUp('revision' in outcome ? outcome.revision : Number.NaN);
  };
  await withIsr([1, 2]);
  const draining = one!.handle.drain();
  await eventually(() => one!.has('waits for others to be in sync'), 'it waits');
  expect(one!.handle.session.isDraining).toBe(false);
  await withIsr([1, 2, 3]);
  await draining;
  expect(record(one!, topic, 0)).toMatchObject({ leader: 2, isr: [2, 3] });
});

test('a partition is moved, and its old replicas leave when the new ones are in sync', async ({
  members,
}) => {
  const [one] = await members.start(1, 2, 3);
  const topic = await create(one!, 'moved', 1, { assignment: [[1, 2]] });
  const { clusterAdmin } = one!.handle;
  expect(await clusterAdmin.reassign(topic, 0, [9])).toMatchObject({ error: 'INVALID_REPLICA_ASSIGNMENT' });
  expect(await clusterAdmin.reassign(topic, 0, [3, 1])).toBeUndefined();
  expect(record(one!, topic, 0)).toMatchObject({ adding: [3], removing: [2], isr: [1, 2] });
  expect(await clusterAdmin.preferFirst(topic, 0)).toMatchObject({ error: 'PREFERRED_LEADER_NOT_AVAILABLE' });
  expect(await clusterAdmin.electUnclean(topic, 0)).toMatchObject({ error: 'ELECTION_NOT_NEEDED' });
  expect(await clusterAdmin.unregister(3)).toMatchObject({ error: 'INVALID_REQUEST' });
  expect(await clusterAdmin.unregister(7)).toMatchObject({ error: 'BROKER_ID_NOT_REGISTERED' });
  const { keys, writes, mirror } = one!.handle;
  const key = keys.partition(topic.id, 0);
  const value = JSON.stringify({ ...record(one!, topic, 0), isr: [3, 1, 2] });
  expect((await writes.txn({ success: [{ put: key, value }] })).kind).toBe('done');
  await mirror.until(() => record(one!, topic, 0).removing.length === 0, 60_000);
  expect(record(one!, topic, 0)).toMatchObject({ replicas: [3, 1], isr: [3, 1], adding: [] });
  expect(await clusterAdmin.preferFirst(topic, 0)).toBeUndefined();
  expect(record(one!, topic, 0).leader).toBe(3);
});

test('a broker that is gone for good is forgotten once nothing counts on it', async ({ members }) => {
  const [one, two] = await members.start(1, 2);
  const topic = await create(one!, 'held', 1, { assignment: [[2, 1]] });
  expect(await one!.handle.clusterAdmin.unregister(2)).toMatchObject({ error: 'INVALID_REQUEST' });
  await two!.close();
  await eventually(() => one!.handle.cluster.absent.includes(2), 'it is gone');
  expect(await one!.handle.clusterAdmin.unregister(2)).toMatchObject({ error: 'INVALID_REQUEST' });
  expect(await one!.handle.clusterAdmin.reassign(topic, 0, [1])).toBeUndefined();
  await eventually(() => record(one!, topic, 0).replicas.length === 1, 'it is moved');
  expect(await one!.handle.clusterAdmin.unregister(2)).toBeUndefined();
  expect(one!.handle.cluster.absent).toEqual([]);
});

test('an id that a live broker has is refused, and that broker is left alone', async ({ members }) => {
  // It is seen to live when its lease is renewed, which is done four times in each of its lengths.
  const settings = { brokerSessionMs: 12_000 };
  const [one] = await members.startWith({ settings }, 1);
  const epoch = one!.handle.session.epoch;
  const second = await members.member(1, { settings }).open();
  const failure = await second.register().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(EdgelogError);
  expect((failure as EdgelogError).message).toMatch(/broker id 1 is taken by a live broker at 127\.0\.0\.1:/);
  await expect(second.handle.ended).rejects.toThrow('broker id 1 is taken');
  expect(one!.handle.session.epoch).toBe(epoch);
});

test('a data directory of another broker or another cluster is refused', async ({ members }) => {
  const [one] = await members.start(1);
  await one!.close();
  await expect(members.member(2, { dir: one!.dir }).open()).rejects.toThrow('belongs to broker 1');
  members.next();
  await members.start(3);
  await expect(members.member(1, { dir: one!.dir }).open()).rejects.toThrow('and etcd holds cluster');
});

test('a bad record is told once, with its key and fault, and left out', async ({ members }) => {
  const [one] = await members.start(1);
  const topic = await create(one!, 'fine', 1, { replicas: 1 });
  const { keys, mirror } = one!.handle;
  const client = etcd.client();
  await client.put(keys.topic('broken'), '{"id":');
  await client.put(keys.partition(topic.id, 0), JSON.stringify({ ...record(one!, topic, 0), leader: 5 }));
  await client.put(keys.broker(77), '{}');
  const revision = await client.put(`${keys.prefix}brokers/x`, '{}');
  await mirror.caughtUp(revision);
  const faults = one!.logged.filter((line) => line.includes('bad record'));
  expect(faults).toHaveLength(4);
  expect(faults[0]).toContain(`${keys.topic('broken')}","fault":"it is not JSON`);
  expect(faults[1]).toContain('leader 5 is not in the isr');
  expect(mirror.metadata.partition(topic.id, 0)).toBeUndefined();
  expect(one!.topics.get('fine')).toBeDefined();
  const again = await members.member(2).open();
  expect(again.logged.filter((line) => line.includes('bad record'))).toHaveLength(4);
});

test('producer ids of all brokers differ', async ({ members }) => {
  const all = await members.start(1, 2, 3);
  const ids = await Promise.all(
    all.flatMap(({ handle }) => Array.from({ length: 1_200 }, () => handle.producerIds.allocate())),
  );
  expect(new Set(ids).size).toBe(3_600);
});

test('of two swaps of one record in a table one is done, and both tables have it then', async ({
  members,
}) => {
  const all = await members.start(1, 2);
  const [a, b] = all.map(({ handle }) => handle.table('runs', z.strictObject({ gateway: z.string() })));
  const done = await Promise.all([
    a!.swap('7', undefined, { gateway: 'a' }),
    b!.swap('7', undefined, { gateway: 'b' }),
  ]);
  expect(done.filter(Boolean)).toHaveLength(1);
  await eventually(() => a!.get('7')?.gateway === b!.get('7')?.gateway, 'they agree');
  expect(await a!.swap('7', a!.get('7'), { gateway: 'c' })).toBe(true);
  expect([...a!.all()]).toEqual([['7', { gateway: 'c' }]]);
  expect(await a!.swap('7', { gateway: 'c' }, { gateway: 'd' })).toBe(false);
});
