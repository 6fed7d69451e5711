import { freePorts } from '@edgelog/sim';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { EtcdClient } from './client.ts';
import type { EtcdError } from './error.ts';
import { TestCluster } from './testing/cluster.ts';
import { Relay } from './testing/relay.ts';

let cluster: TestCluster;
let client: EtcdClient;

beforeAll(async () => {
  cluster = await TestCluster.start();
  client = cluster.client();
});
afterEach(() => cluster.heal());
afterAll(() => cluster.stop());

const failureOf = (call: Promise<unknown>): Promise<EtcdError> =>
  call.then(
    (value) => expect.fail(`answered ${JSON.stringify(value)}`),
    (error: EtcdError) => error,
  );

test('a transaction does one list or the other, and answers for each operation at its place', async () => {
  const absent = { key: 'txn/a', createRevision: 0 };
  const first = await client.txn({ compare: [absent], success: [{ put: 'txn/a', value: '1' }] });
  expect(first).toMatchObject({ succeeded: true, results: [{ kind: 'put' }] });
  const second = await client.txn({
    compare: [absent],
    failure: [
      { range: { key: 'txn/a' } },
      { range: { prefix: 'txn/none' } },
      { delete: { key: 'txn/none' } },
      { put: 'txn/b', value: Buffer.of(0, 255) },
      { delete: { key: 'txn/a' }, prev: true },
    ],
  });
  expect(second.succeeded).toBe(false);
  expect(second.revision).toBe(first.revision + 1);
  const [there, empty, nothing, put, deleted] = second.results;
  expect(there).toMatchObject({
    kind: 'range',
    count: 1,
    kvs: [{ key: 'txn/a', createRevision: first.revision }],
  });
  expect(empty).toEqual({ kind: 'range', count: 0, kvs: [], more: false });
  expect(nothing).toEqual({ kind: 'delete', deleted: 0, prev: [] });
  expect(put).toEqual({ kind: 'put', prev: undefined });
  expect(deleted).toMatchObject({ kind: 'delete', deleted: 1, prev: [{ key: 'txn/a' }] });
});

test.each([
  [{ key: 'cmp', version: 1 }, true],
  [{ key: 'cmp', version: 1, relation: '>' }, false],
  [{ key: 'cmp', value: 'x' }, true],
  [{ key: 'cmp', value: 'x', relation: '!=' }, false],
  [{ key: 'cmp', modRevision: 0, relation: '>' }, true],
  [{ key: 'cmp', createRevision: 0 }, false],
  [{ key: 'cmp', lease: '0' }, true],
] as const)('compares %j', async (comparison, holds) => {
  await client.txn({ success: [{ delete: { key: 'cmp' } }] });
  await client.put('cmp', 'x');
  expect((await client.txn({ compare: [comparison] })).succeeded).toBe(holds);
});

test('what etcd rejects is told apart, and has changed nothing', async () => {
  const puts = Array.from({ length: 200 }, (_, index) => ({ put: `rejected/many/${index}`, value: '' }));
  const [first, twice, leased] = ['rejected/first', 'rejected/twice', 'rejected/leased'].map((put) => ({
    put,
    value: '',
  }));
  const old = await client.put('old', '1');
  const now = await client.put('old', '2');
  await client.compact(now);
  await client.compact(now);
  const calls = [
    ['TOO_LARGE', () => client.txn({ success: puts })],
    ['TOO_LARGE', () => client.put('rejected/big', Buffer.alloc(3_000_000))],
    ['LEASE_NOT_FOUND', () => client.txn({ success: [first!, { ...leased!, lease: '12345' }] })],
    ['REFUSED', () => client.txn({ success: [first!, twice!, twice!] })],
    ['COMPACTED', () => client.range({ key: 'old' }, { revision: old })],
    ['FUTURE_REVISION', () => client.range({ key: 'old' }, { revision: now + 1_000_000 })],
  ] as const;
  for (const [reason, call] of calls)
    expect(await failureOf(call())).toMatchObject({ reason, outcome: 'notApplied' });
  expect((await client.range({ prefix: 'rejected/' })).kvs).toEqual([]);
});

test('a range of many pages shows one revision, even while it changes', async () => {
  const paging = cluster.client({ tuning: { pageKeys: 3 } });
  const keys = Array.from({ length: 20 }, (_, index) => `page/${String(index).padStart(2, '0')}`);
  const writeAll = (value: string): Promise<unknown> =>
    client.txn({ success: keys.map((key) => ({ put: key, value })) });
  await writeAll('0');
  let writing = true;
  const writer = (async () => {
    for (let round = 1; writing; round++) await writeAll(String(round));
  })();
  for (let round = 0; round < 5; round++) {
    const { kvs, revision } = await paging.range({ prefix: 'page/' });
    expect(kvs.map((kv) => kv.key)).toEqual(keys);
    expect(new Set(kvs.map((kv) => kv.value.toString())).size).toBe(1);
    expect(kvs[0]!.modRevision).toBeLessThanOrEqual(revision);
  }
  writing = false;
  await writer;
  expect((await paging.range({ from: 'page/05', to: 'page/07' }, { keysOnly: true })).kvs).toMatchObject([
    { key: 'page/05', value: Buffer.alloc(0) },
    { key: 'page/06', value: Buffer.alloc(0) },
  ]);
});

test('a counter raised across the death of the leader counts every raise once', async () => {
  const raiser = cluster.client({ tuning: { timeoutMs: 4_000 } });
  const read = async (): Promise<{ value: number; modRevision: number }> => {
    const kv = await client.get('counter');
    return { value: Number(kv?.value ?? 0), modRevision: kv?.modRevision ?? 0 };
  };
  let current = await read();
  let raised = 0;
  let mayBeOvertaken = false;
  let killed: Promise<void> | undefined;
  while (raised < 60) {
    if (raised === 20) killed ??= cluster.leader().then((leader) => leader.kill());
    const next = current.value + 1;
    try {
      const { succeeded, revision } = await raiser.txn({
        compare: [{ key: 'counter', modRevision: current.modRevision }],
        success: [{ put: 'counter', value: String(next) }],
      });
      if (succeeded) {
        raised += 1;
        current = { value: next, modRevision: revision };
        continue;
      }
      expect(mayBeOvertaken).toBe(true);
    } catch (error) {
      const { outcome } = error as EtcdError;
      if (outcome === 'notApplied' && !mayBeOvertaken) expect((await read()).value).toBe(current.value);
      // What a read finds now may still be overtaken by the raise that is under way.
      mayBeOvertaken ||= outcome === 'unknown';
    }
    const seen = await read();
    raised += seen.value - current.value;
    current = seen;
  }
  await killed;
  expect((await read()).value).toBe(60);
});

test('without quorum a write fails, a read fails, and a serializable read answers', async () => {
  await client.put('kept', 'x');
  const [survivor, ...others] = cluster.members;
  await Promise.all(others.map((member) => member.kill()));
  const alone = cluster.client({ endpoints: [survivor!.endpoint] });
  const failures = await Promise.all([
    failureOf(alone.txn({ success: [{ put: 'lost', value: '' }] }, { timeoutMs: 1_000 })),
    failureOf(alone.get('kept', { timeoutMs: 1_000 })),
  ]);
  for (const { reason } of failures) expect(['UNAVAILABLE', 'TIMEOUT']).toContain(reason);
  expect((await alone.get('kept', { serializable: true }))?.value.toString()).toBe('x');
  const accounts = await client.status({ timeoutMs: 30_000 });
  expect(accounts.filter((account) => 'error' in account)).toHaveLength(2);
  await cluster.heal();
  await client.put('kept', 'y');
});

test('of a stopped member, a read goes elsewhere and a write has an unknown outcome', async () => {
  const [stopped, other] = cluster.members;
  const endpoints = [stopped!.endpoint, other!.endpoint];
  await stopped!.pause();
  const reader = cluster.client({ endpoints, tuning: { attemptTimeoutMs: 1_000 } });
  for (let round = 0; round < 4; round++) await reader.get('x');
  const writer = cluster.client({ endpoints: [stopped!.endpoint] });
  const failure = await failureOf(writer.txn({ success: [{ put: 'w', value: '' }] }, { timeoutMs: 2_000 }));
  expect(failure).toMatchObject({ reason: 'TIMEOUT', outcome: 'unknown' });
});

test('a write whose answer is lost is unknown, and was done', async () => {
  const relay = await Relay.to(cluster.endpoints[0]!);
  const cut = cluster.client({ endpoints: [relay.endpoint] });
  await cut.get('x');
  relay.mode = 'deafToAnswers';
  const controller = new AbortController();
  const writing = failureOf(
    cut.txn({ success: [{ put: 'half', value: 'done' }] }, { signal: controller.signal }),
  );
  await expect.poll(() => client.get('half')).toBeDefined();
  controller.abort(new Error('not needed any more'));
  expect(await writing).toMatchObject({
    reason: 'ABORTED',
    outcome: 'unknown',
    cause: controller.signal.reason,
  });
  await relay.close();
});

test('where nobody listens, a write is known not to have happened', async () => {
  const [port] = await freePorts(1);
  const nobody = cluster.client({ endpoints: [`http://127.0.0.1:${port}`] });
  const write = nobody.txn({ success: [{ put: 'never', value: '' }] }, { timeoutMs: 2_000 });
  const failure = await failureOf(write);
  expect(failure).toMatchObject({ code: 'CONNECTION_LOST', reason: 'UNAVAILABLE', outcome: 'notApplied' });
  const aborted = failureOf(nobody.get('x', { signal: AbortSignal.abort() }));
  expect((await aborted).reason).toBe('ABORTED');
});

test('endpoints of two clusters are noticed', async () => {
  const other = await TestCluster.start({ members: 1 });
  try {
    const endpoints = [cluster.endpoints[0]!, other.endpoints[0]!];
    const mixed = cluster.client({ endpoints, tuning: { attemptTimeoutMs: 300 } });
    const reads = async (): Promise<void> => {
      for (;;) {
        for (const member of [cluster.members[0]!, other.members[0]!]) {
          await mixed.get('x');
          await member.pause();
          await mixed.get('x').finally(() => member.resume());
        }
      }
    };
    expect((await failureOf(reads())).reason).toBe('WRONG_CLUSTER');
  } finally {
    await other.stop();
  }
});

test('an endpoint that is no URL is a configuration error', () => {
  expect(() => new EtcdClient({ endpoints: ['127.0.0.1:2379'] })).toThrow(/http:\/\/HOST:PORT/);
});

test('each member gives an account of itself', async () => {
  // One that stood still may take itself for the leader until it hears of the next.
  const leaders = async () => (await client.status()).filter((one) => 'isLeader' in one && one.isLeader);
  await expect.poll(leaders).toHaveLength(1);
  const accounts = await client.status({ timeoutMs: 30_000 });
  expect(accounts[0]).toMatchObject({
    endpoint: cluster.endpoints[0],
    version: expect.stringMatching(/^3\./),
    errors: [],
  });
  expect(await client.alarms()).toEqual([]);
});
