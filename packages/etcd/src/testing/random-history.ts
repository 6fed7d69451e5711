import { setTimeout as delay } from 'node:timers/promises';
import { type Prng, until } from '@edgelog/sim';
import type { EtcdClient } from '../client.ts';
import type { Operation } from '../txn.ts';
import type { WatchUpdate } from '../watch/cursor.ts';
import type { TestCluster } from './cluster.ts';
import type { History } from './history.ts';
import { Relay } from './relay.ts';
import { createKey, onlyEtcd } from './writes.ts';

const KEYS = 12;
const WATCHES = 3;
const SETTLE_MS = 120_000;

export interface RandomRun {
  readonly history: History;
  /** What each watch handed over. */
  readonly watches: readonly WatchUpdate[][];
  /** Every watch reached this revision. */
  readonly end: number;
}

/** One transaction: key → value, undefined for a deletion. */
type Write = Map<string, string | undefined>;

/**
 * Random transactions under random faults, with watches read at different paces; then peace. What really happened is known
 * without any watch: each transaction puts a marker of its own, whose revision says when it was done, if it was.
 */
export async function randomHistory(
  cluster: TestCluster,
  prng: Prng,
  { faults, prefix }: { faults: number; prefix: string },
): Promise<RandomRun> {
  const relay = await Relay.to(cluster.endpoints[0]!);
  const stop = new AbortController();
  const watches = Array.from({ length: WATCHES }, (_, index) => {
    const endpoints = [relay.endpoint, ...cluster.endpoints.slice(1)];
    const client = cluster.client({
      endpoints,
      tuning: { attemptTimeoutMs: 700, watchIdleMs: 300, pageKeys: 5 },
    });
    return readAll(client, prefix, 30 * index, prng.fork(), stop.signal);
  });
  const writes: Write[] = [];
  let wrecking = true;
  const working = (): boolean => wrecking;
  const writing = writeAll(
    cluster.client({ tuning: { timeoutMs: 1_500 } }),
    prng.fork(),
    prefix,
    writes,
    working,
  );
  for (let fault = 0; fault < faults; fault++) await wreck(cluster, relay, prng);
  wrecking = false;
  await writing;
  const client = cluster.client();
  const last = `${prefix}end`;
  const end = await createKey(client, last, 'end');
  const reached = (updates: readonly WatchUpdate[]): boolean => (updates.at(-1)?.revision ?? 0) >= end;
  await until(() => watches.every(({ updates }) => reached(updates)), `all watches are at ${end}`, SETTLE_MS);
  stop.abort();
  await Promise.all(watches.map(({ done }) => done));
  await relay.close();
  const history = new Map([...(await historyOf(client, prefix, writes)), [end, new Map([[last, 'end']])]]);
  return { history, watches: watches.map(({ updates }) => updates), end };
}

function readAll(client: EtcdClient, prefix: string, paceMs: number, prng: Prng, signal: AbortSignal) {
  const updates: WatchUpdate[] = [];
  const done = (async () => {
    for await (const update of client.watch({ prefix }, { signal })) {
      updates.push(update);
      if (paceMs > 0) await delay(prng.between(0, paceMs));
    }
  })();
  return { updates, done };
}

async function writeAll(
  client: EtcdClient,
  prng: Prng,
  prefix: string,
  writes: Write[],
  working: () => boolean,
): Promise<void> {
  while (working()) {
    const marker = `mark/${prefix}${writes.length}`;
    const write: Write = new Map();
    for (let change = prng.between(0, 6); change > 0; change--) {
      const key = `${prefix}${prng.between(1, KEYS)}`;
      write.set(key, prng.chance(0.4) ? undefined : `${writes.length}`);
    }
    writes.push(write);
    const success: Operation[] = [...write].map(([key, value]) =>
      value === undefined ? { delete: { key } } : { put: key, value },
    );
    await client.txn({ success: [...success, { put: marker, value: '' }] }).catch(onlyEtcd);
    await delay(prng.between(0, 15));
  }
}

const FAULTS = ['kill', 'killLeader', 'stop', 'cut', 'break', 'compact', 'compact', 'quorum'] as const;

/** Some peace, then one fault for a while, then all is mended. */
async function wreck(cluster: TestCluster, relay: Relay, prng: Prng): Promise<void> {
  await delay(prng.between(50, 300));
  const fault = prng.pick(FAULTS);
  const victim = fault === 'killLeader' ? await cluster.leader() : prng.pick(cluster.members);
  if (fault === 'kill' || fault === 'killLeader') await victim.kill();
  if (fault === 'quorum') await Promise.all(cluster.members.slice(1).map((member) => member.kill()));
  if (fault === 'stop') await victim.pause();
  if (fault === 'cut') relay.mode = prng.pick(['deaf', 'deafToAnswers'] as const);
  if (fault === 'break' || fault === 'cut') relay.breakAll();
  if (fault === 'compact') await compactNearEnd(cluster.client(), prng).catch(onlyEtcd);
  await delay(prng.between(50, 600));
  relay.mode = 'open';
  await cluster.heal();
}

async function compactNearEnd(client: EtcdClient, prng: Prng): Promise<void> {
  const { revision } = await client.range({ key: 'any' });
  await client.compact(Math.max(1, revision - prng.between(0, 3)));
}

/** Transactions by the revisions of their markers, with what each really changed in the range. */
async function historyOf(client: EtcdClient, prefix: string, writes: readonly Write[]): Promise<History> {
  const { kvs } = await client.range({ prefix: `mark/${prefix}` });
  const done = kvs
    .map(({ key, modRevision }) => ({
      write: writes[Number(key.slice(`mark/${prefix}`.length))]!,
      modRevision,
    }))
    .sort((a, b) => a.modRevision - b.modRevision);
  const there = new Set<string>();
  const history = new Map<number, Write>();
  for (const { write, modRevision } of done) {
    const real = [...write].filter(([key, value]) => value !== undefined || there.has(key));
    for (const [key, value] of real) value === undefined ? there.delete(key) : there.add(key);
    if (real.length > 0) history.set(modRevision, new Map(real));
  }
  return history;
}
