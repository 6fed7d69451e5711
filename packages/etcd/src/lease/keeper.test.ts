import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '@edgelog/sim';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { EtcdClient } from '../client.ts';
import { TestCluster } from '../testing/cluster.ts';
import { Relay } from '../testing/relay.ts';
import type { LeaseKeeper } from './keeper.ts';

let cluster: TestCluster;
let client: EtcdClient;

beforeAll(async () => {
  cluster = await TestCluster.start();
  client = cluster.client();
});
afterEach(() => cluster.heal());
afterAll(() => cluster.stop());

/** Until etcd has deleted `key`; answers when that was seen. */
async function gone(key: string): Promise<bigint> {
  for await (const update of client.watch({ key })) {
    const there =
      update.kind === 'reset'
        ? update.kvs.length > 0
        : update.kind !== 'changes' || update.changes[0]!.kind === 'put';
    if (!there) break;
  }
  return process.hrtime.bigint();
}

/** A look at whether the lease was renewed since the last look. */
function renewals(lease: LeaseKeeper): () => boolean {
  let last = lease.remainingMs;
  return () => {
    const before = last;
    last = lease.remainingMs;
    return last > before;
  };
}

describe.concurrent('while etcd is well', () => {
  test('a lease is kept for longer than its TTL, and revoking it deletes its key', async () => {
    const lease = await client.lease({ ttlSeconds: 8 });
    await client.put('kept', 'x', { lease: lease.id });
    expect(await client.leaseStatus(lease.id)).toMatchObject({ grantedTtlMs: lease.ttlMs, keys: ['kept'] });
    await delay(1.2 * lease.ttlMs);
    expect(lease.held).toBe(true);
    expect(await client.get('kept')).toMatchObject({ lease: lease.id });
    await lease.revoke();
    expect(lease.held).toBe(false);
    expect(lease.lost.aborted).toBe(true);
    expect(await client.get('kept')).toBeUndefined();
    expect((await client.leaseStatus(lease.id)).ttlMs).toBe(0);
    await lease.revoke();
  });

  test('a lease that was revoked by another is soon known to be lost', async () => {
    const lease = await client.lease({ ttlSeconds: 12 });
    await client.revokeLease(lease.id);
    if (!lease.lost.aborted) await once(lease.lost, 'abort');
    expect(lease.lost.reason).toMatchObject({
      reason: 'LEASE_NOT_FOUND',
      cause: { reason: 'LEASE_NOT_FOUND' },
    });
  });

  test('a holder that was stopped for longer than its lease does not believe in it when it goes on', async () => {
    const script = new URL('../testing/lease-holder.ts', import.meta.url).pathname;
    const holder = spawn(process.execPath, [script, 'holder', '3', ...cluster.endpoints], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let lastHeld = 0n;
    let lost = false;
    createInterface({ input: holder.stdout }).on('line', (line) => {
      const [word, stamp] = line.split(' ');
      if (word === 'held') lastHeld = BigInt(stamp!);
      else lost = true;
    });
    try {
      await until(() => lastHeld > 0n, 'the holder has its lease');
      const expired = gone('holder');
      holder.kill('SIGSTOP');
      const goneAt = await expired;
      holder.kill('SIGCONT');
      await until(() => lost, 'the holder knows');
      expect(lastHeld).toBeLessThan(goneAt);
    } finally {
      holder.kill('SIGKILL');
    }
  });

  test('a grant whose answer was lost is sent again and makes one lease', async () => {
    const relay = await Relay.to(cluster.endpoints[0]!);
    const cut = cluster.client({ endpoints: [relay.endpoint], tuning: { attemptTimeoutMs: 1_000 } });
    await cut.get('x');
    relay.mode = 'deafToAnswers';
    const granting = cut.lease({ ttlSeconds: 60 });
    await delay(500);
    relay.mode = 'open';
    const lease = await granting;
    expect(lease.ttlMs).toBe(60_000);
    expect(await client.leaseStatus(lease.id)).toMatchObject({ grantedTtlMs: 60_000 });
    await lease.revoke();
    await relay.close();
  });
});

test('without quorum nothing is renewed, not even by a leader that has not noticed', async () => {
  const leader = await cluster.leader();
  const followers = cluster.members.filter((member) => member !== leader);
  const lease = await cluster.client({ endpoints: [leader.endpoint] }).lease({ ttlSeconds: 3 });
  await Promise.all(followers.map((follower) => follower.pause()));
  const pausedAt = performance.now();
  await until(() => {
    const now = performance.now();
    const endsAt = now + lease.remainingMs;
    if (lease.held)
      expect(endsAt, 'counted from before they stood still').toBeLessThan(pausedAt + lease.ttlMs);
    return lease.lost.aborted;
  }, 'it is lost');
  expect(lease.held).toBe(false);
});

test('a lease is kept though each answer takes longer than a member is waited for', async () => {
  const relays = await Promise.all(cluster.endpoints.map((endpoint) => Relay.to(endpoint)));
  const slow = cluster.client({ endpoints: relays.map(({ endpoint }) => endpoint) });
  const lease = await slow.lease({ ttlSeconds: 10 });
  for (const relay of relays) relay.answerAfterMs = lease.ttlMs / 6 + 200;
  await delay(1.1 * lease.ttlMs);
  expect(lease.held).toBe(true);
  for (const relay of relays) relay.answerAfterMs = 0;
  await lease.revoke();
  for (const relay of relays) await relay.close();
});

test('a lease survives the death of the leader', async () => {
  const lease = await client.lease({ ttlSeconds: 18 });
  await client.put('survivor', 'x', { lease: lease.id });
  await (await cluster.leader()).kill();
  await until(renewals(lease), 'it was renewed');
  expect(lease.held).toBe(true);
  expect(await client.get('survivor')).toBeDefined();
  await lease.revoke();
});
