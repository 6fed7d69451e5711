import { setTimeout as delay } from 'node:timers/promises';
import { Prng, until } from '@edgelog/sim';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { EtcdClient } from '../client.ts';
import type { EtcdError } from '../error.ts';
import type { KeyRange } from '../keys.ts';
import { TestCluster } from '../testing/cluster.ts';
import { checkUpdates } from '../testing/history.ts';
import { etcdVersion } from '../testing/program.ts';
import { randomHistory } from '../testing/random-history.ts';
import { Relay } from '../testing/relay.ts';
import { createKey } from '../testing/writes.ts';
import type { WatchUpdate } from './cursor.ts';
import type { WatchOptions } from './watch.ts';

/** `npm run etcd` takes longer. */
const FAULTS = Number(process.env.EDGELOG_ETCD_FAULTS ?? 3);

let cluster: TestCluster;
let client: EtcdClient;

beforeAll(async () => {
  const [major, minor] = etcdVersion();
  const flag = major === 3 && minor < 6 ? '--experimental-watch' : '--watch';
  cluster = await TestCluster.start({ flags: [`${flag}-progress-notify-interval=300ms`] });
  client = cluster.client();
});
afterEach(() => cluster.heal());
afterAll(() => cluster.stop());

/** A watch that is read all the time, until the test ends. */
function follow(range: KeyRange, { by = client, ...options }: WatchOptions & { by?: EtcdClient } = {}) {
  const controller = new AbortController();
  const updates: WatchUpdate[] = [];
  const breaks: EtcdError[] = [];
  const watching = {
    signal: controller.signal,
    onBreak: (error: EtcdError) => breaks.push(error),
    ...options,
  };
  const done = (async () => {
    for await (const update of by.watch(range, watching)) updates.push(update);
  })();
  onTestFinished(() => controller.abort());
  const reached = (revision: number): Promise<void> =>
    until(() => (updates.at(-1)?.revision ?? 0) >= revision, `the watch is at revision ${revision}`);
  return { updates, breaks, reached, done, stop: () => controller.abort() };
}

const changesIn = (updates: readonly WatchUpdate[]): WatchUpdate[] =>
  updates.filter((update) => update.kind === 'changes');

test('begins with the whole range, then tells each change with what was there before', async () => {
  await client.put('first/a', '1');
  const watch = follow({ prefix: 'first/' }, { prev: true });
  await until(() => watch.updates.length > 0, 'it began');
  await client.put('elsewhere', 'x');
  const put = await client.put('first/a', '2');
  const { revision } = await client.txn({
    success: [{ delete: { key: 'first/a' } }, { put: 'first/b', value: '3' }],
  });
  await watch.reached(revision);
  expect(watch.updates[0]).toMatchObject({ kind: 'reset', cause: 'start', kvs: [{ key: 'first/a' }] });
  const prev = (value: string): object => ({ prev: { value: Buffer.from(value) } });
  expect(changesIn(watch.updates)).toMatchObject([
    {
      revision: put,
      changes: [{ kind: 'put', key: 'first/a', kv: { value: Buffer.from('2') }, ...prev('1') }],
    },
    {
      revision,
      changes: [
        { kind: 'delete', key: 'first/a', ...prev('2') },
        { kind: 'put', key: 'first/b', prev: undefined },
      ],
    },
  ]);
});

test('a watch of a quiet range learns how far it is', async () => {
  const watch = follow({ prefix: 'quiet/' });
  await until(() => watch.updates.length > 0, 'it began');
  await watch.reached(await client.put('noise', 'x'));
  expect(watch.updates.at(-1)!.kind).toBe('progress');
});

test('large revisions that etcd sends in fragments come whole, and a consumer that lags gets them all', async () => {
  const value = 'x'.repeat(100_000);
  const { revision } = await client.range({ prefix: 'large/' });
  const puts = Array.from({ length: 12 }, (_, index) => ({ put: `large/${index}`, value }));
  let last = 0;
  for (let round = 0; round < 8; round++) last = (await client.txn({ success: puts })).revision;
  const sizes: number[] = [];
  for await (const update of client.watch({ prefix: 'large/' }, { after: revision })) {
    if (update.kind === 'changes') sizes.push(update.changes.length);
    await delay(10);
    if (update.revision >= last) break;
  }
  expect(sizes).toEqual(Array.from({ length: 8 }, () => 12));
  await client.delete({ prefix: 'large/' });
});

test.each(['cut', 'stopped'] as const)(
  'a member that is %s without a word is left for another',
  async (how) => {
    const [first, second] = cluster.members;
    const relay = await Relay.to(first!.endpoint);
    onTestFinished(() => relay.close());
    const tuning = { watchIdleMs: 200, attemptTimeoutMs: 500 };
    const other = cluster.client({ endpoints: [relay.endpoint, second!.endpoint], tuning });
    const watch = follow({ prefix: `silent/${how}` }, { by: other });
    await until(() => watch.updates.length > 0, 'it began');
    if (how === 'cut') relay.mode = 'deafToAnswers';
    else await first!.pause();
    await watch.reached(await createKey(cluster.client(), `silent/${how}`, '1'));
    expect(changesIn(watch.updates)).toHaveLength(1);
  },
);

test('what happened while a watch was cut off and was compacted meanwhile, even a deletion at the compacted revision, is not lost', async () => {
  const relay = await Relay.to(cluster.endpoints[0]!);
  onTestFinished(() => relay.close());
  const watch = follow({ prefix: 'gap/' }, { by: cluster.client({ endpoints: [relay.endpoint] }) });
  await watch.reached(await client.put('gap/a', '1'));
  relay.mode = 'deaf';
  relay.breakAll();
  const { revision } = await client.txn({ success: [{ delete: { key: 'gap/a' } }] });
  await client.compact(revision);
  await client.put('other', 'x');
  relay.mode = 'open';
  relay.breakAll();
  await watch.reached(revision);
  expect(watch.updates.filter(({ kind }) => kind === 'reset').at(-1)).toMatchObject({
    cause: 'compacted',
    kvs: [],
  });
  const next = await client.put('gap/b', '2');
  await watch.reached(next);
  expect(changesIn(watch.updates).at(-1)).toMatchObject({ revision: next, changes: [{ key: 'gap/b' }] });
});

test('without quorum a watch says so, and goes on when it is back', async () => {
  const by = cluster.client({ tuning: { watchIdleMs: 300, attemptTimeoutMs: 700 } });
  const watch = follow({ prefix: 'quorum/' }, { by });
  await watch.reached(await client.put('quorum/a', '1'));
  await Promise.all(cluster.members.slice(1).map((member) => member.kill()));
  const said = (): boolean =>
    watch.breaks.some((error) => /no leader|request timed out|did not answer/.test(error.message));
  await until(said, 'it says what is wrong');
  await cluster.heal();
  const revision = await createKey(client, 'quorum/b', '2');
  await watch.reached(revision);
  expect(changesIn(watch.updates).at(-1)).toMatchObject({ revision, changes: [{ key: 'quorum/b' }] });
});

test('when etcd was restored from a backup, a watch shows the old state instead of waiting for revisions to come', async () => {
  const single = await TestCluster.start({ members: 1, flags: ['--election-timeout=500'] });
  onTestFinished(() => single.stop());
  const [member] = single.members;
  const by = single.client();
  const watch = follow({ prefix: 'back/' }, { by });
  await watch.reached(await createKey(by, 'back/a', '1'));
  await member!.kill();
  const backup = member!.backUp();
  await single.heal();
  await watch.reached(await createKey(by, 'back/b', '2'));
  await member!.kill();
  backup.restore();
  await single.heal();
  const restored = (): boolean =>
    watch.updates.some((update) => update.kind === 'reset' && update.cause === 'restored');
  await until(restored, 'it begins again');
  const last = watch.updates.filter(({ kind }) => kind === 'reset').at(-1);
  expect(last).toMatchObject({ cause: 'restored', kvs: [{ key: 'back/a' }] });
});

test('a watch that is no longer wanted ends, whatever it waits for', async () => {
  const quiet = follow({ prefix: 'end/' });
  await until(() => quiet.updates.length > 0, 'it began');
  quiet.stop();
  await quiet.done;
  await Promise.all(cluster.members.map((member) => member.pause()));
  const stuck = follow({ prefix: 'end/' });
  await delay(50);
  stuck.stop();
  await stuck.done;
  expect(stuck.updates).toEqual([]);
  await cluster.heal();
  const by = cluster.client();
  const closed = follow({ prefix: 'end/' }, { by });
  await until(() => closed.updates.length > 0, 'it began');
  by.close();
  await closed.done;
});

test('members killed, stopped, cut off, compacted: every revision once, in order, and the right state', {
  timeout: FAULTS * 30_000 + 120_000,
}, async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const prng = new Prng(seed);
  const run = await randomHistory(cluster, prng, { faults: FAULTS, prefix: 'random/' });
  try {
    for (const updates of run.watches) checkUpdates(updates, run.history, run.end);
  } catch (cause) {
    throw new Error(`with seed ${seed}`, { cause });
  }
  expect(run.history.size).toBeGreaterThan(1);
});
