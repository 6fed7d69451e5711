import { TestCluster } from '@edgelog/etcd/testing/cluster.ts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually, type TestMember, TestMembers } from '../testing/members.ts';
import { ORPHAN_MS, OrphanRemover } from './orphans.ts';

const UNFINISHED = '0f3c1c1c-58cb-4f1e-9b6e-1b6d6b0f7e11';

let etcd: TestCluster;
let members: TestMembers;
let member: TestMember;
let nowMs = 0;

beforeAll(async () => {
  etcd = await TestCluster.start({ members: 1 });
});
afterEach(() => members.closeAll());
afterAll(() => etcd.stop());

/** A remover with a clock of its own, in the name of the controller that there is. */
async function remover(): Promise<() => Promise<void>> {
  members = new TestMembers(etcd);
  [member] = (await members.start(1)) as [TestMember];
  const { handle } = member;
  await eventually(() => handle.mirror.metadata.controller !== undefined, 'a controller is elected');
  const orphans = new OrphanRemover(handle, () => nowMs);
  const { epoch } = handle.mirror.metadata.controller!;
  return () => orphans.remove({ key: handle.keys.controller, createRevision: epoch });
}

const record = JSON.stringify({
  replicas: [1],
  isr: [1],
  elr: [],
  leader: 1,
  leaderEpoch: 0,
  leaderBrokerEpoch: 1,
  minInsync: 1,
  adding: [],
  removing: [],
});

async function put(topicId: string, indexes: readonly number[]): Promise<void> {
  const { keys, mirror } = member.handle;
  const puts = indexes.map((index) => ({ put: keys.partition(topicId, index), value: record }));
  await mirror.caughtUp((await etcd.client().txn({ success: puts })).revision);
}

const left = (topicId: string): number => member.handle.mirror.metadata.recordedCount(topicId);

test('partitions whose topic does not come are removed after a while, not before', async () => {
  const remove = await remover();
  await put(UNFINISHED, [0, 1, 2]);
  await remove();
  nowMs += ORPHAN_MS - 1;
  await remove();
  await put(UNFINISHED, [3]);
  expect(left(UNFINISHED)).toBe(4);
  nowMs += 1;
  await remove();
  await eventually(() => left(UNFINISHED) === 0, 'they are gone');
});

test('partitions beyond the end of their topic are removed after a while, the others stay', async () => {
  const remove = await remover();
  const { topicAdmin } = member.handle;
  const placement = { replicas: 1 };
  await topicAdmin.create({ name: 't', partitions: 2, configs: {}, placement });
  const { id } = member.topics.get('t')!;
  await put(id, [2, 3]);
  await remove();
  nowMs += ORPHAN_MS;
  await remove();
  await eventually(() => left(id) === 2, 'those beyond the end are gone');
  expect([0, 1].map((index) => member.handle.mirror.metadata.partition(id, index)?.index)).toEqual([0, 1]);
});
