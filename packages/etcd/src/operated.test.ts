import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EtcdClient } from './client.ts';
import { Exchange } from './http/exchange.ts';
import { testCertificates } from './testing/certificates.ts';
import { TestCluster } from './testing/cluster.ts';

/* What operators set up: TLS, users, a quota. */

const ROOT = { user: 'root', password: 'may do all' };
const READER = { user: 'reader', password: 'may "read", ü' };
const TOKEN_TTL_SECONDS = 2;
const QUOTA_BYTES = 2_000_000;

let cluster: TestCluster;
let tls: ReturnType<typeof testCertificates>;
let root: EtcdClient;
let reader: EtcdClient;

beforeAll(async () => {
  tls = testCertificates();
  const flags = [`--auth-token-ttl=${TOKEN_TTL_SECONDS}`, `--quota-backend-bytes=${QUOTA_BYTES}`];
  cluster = await TestCluster.start({ members: 1, tls, flags });
  await setUpUsers();
  root = cluster.client({ credentials: ROOT });
  reader = cluster.client({ credentials: READER });
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(tls.dir, { recursive: true });
});

/** What an operator does with etcdctl. */
async function setUpUsers(): Promise<void> {
  const exchange = new Exchange({ ca: readFileSync(tls.caFile) });
  const post = async (path: string, body: object): Promise<void> => {
    const options = { headers: {}, timeoutMs: 30_000, signal: undefined };
    const url = new URL(`v3/auth/${path}`, cluster.endpoints[0]);
    const { status, text } = await exchange.post(url, JSON.stringify(body), options);
    expect(status, text).toBe(200);
  };
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  for (const { user, password } of [ROOT, READER]) await post('user/add', { name: user, password });
  for (const role of ['root', 'reading']) await post('role/add', { name: role });
  const perm = { permType: 'READ', key: base64('public/'), range_end: base64('public0') };
  await post('role/grant', { name: 'reading', perm });
  await post('user/grant', { user: 'root', role: 'root' });
  await post('user/grant', { user: READER.user, role: 'reading' });
  await post('enable', {});
  exchange.close();
}

test('a member whose certificate is not vouched for gets no request', async () => {
  const strangers = [
    cluster.client({ tls: {} }),
    cluster.client({ tls: { ca: readFileSync(tls.caFile), serverName: 'etcd.example' } }),
  ];
  const refusals = strangers.map((stranger) => {
    const write = stranger.txn({ success: [{ put: 'x', value: '' }] }, { timeoutMs: 4_000 });
    return expect(write).rejects.toMatchObject({
      reason: 'UNAVAILABLE',
      outcome: 'notApplied',
      message: expect.stringMatching(/certificate|altnames/),
    });
  });
  await Promise.all(refusals);
});

test('a wrong password, and none, are told apart from a lack of permission', async () => {
  const wrong = cluster.client({ credentials: { ...READER, password: 'guess' } });
  await expect(wrong.get('public/a')).rejects.toMatchObject({
    reason: 'LOGIN_FAILED',
    outcome: 'notApplied',
  });
  await expect(cluster.client().put('x', '')).rejects.toMatchObject({
    reason: 'TOKEN_INVALID',
    outcome: 'notApplied',
  });
  await expect(reader.get('public/a')).resolves.toBeUndefined();
  await expect(reader.put('public/a', '')).rejects.toMatchObject({
    reason: 'PERMISSION_DENIED',
    outcome: 'notApplied',
  });
  await expect(reader.watch({ prefix: 'private/' }).next()).rejects.toMatchObject({
    reason: 'PERMISSION_DENIED',
  });
  await expect(reader.watch({ prefix: 'private/' }, { after: 1 }).next()).rejects.toMatchObject({
    reason: 'PERMISSION_DENIED',
  });
});

test('a token that etcd forgot is asked for again, by calls and by watches', async () => {
  const revision = await root.put('public/b', '1');
  await reader.get('public/b');
  await delay(TOKEN_TTL_SECONDS * 1_000 + 1_500);
  const { value } = await reader.watch({ prefix: 'public/' }, { after: revision - 1 }).next();
  expect(value).toMatchObject({ kind: 'changes', revision });
  expect((await root.get('public/b'))?.value.toString()).toBe('1');
});

test('a full store says so: writes are refused, the rest goes on', async () => {
  const fill = async (): Promise<void> => {
    for (let round = 0; ; round++) await root.put(`fill/${round % 3}`, Buffer.alloc(200_000));
  };
  await expect(fill()).rejects.toMatchObject({
    code: 'LIMIT_EXCEEDED',
    reason: 'NO_SPACE',
    outcome: 'notApplied',
  });
  expect(await root.alarms()).toEqual([{ memberId: expect.any(String), alarm: 'NOSPACE' }]);
  expect((await root.status())[0]).toMatchObject({ errors: [expect.stringContaining('NOSPACE')] });
  expect((await root.get('public/b'))?.value.toString()).toBe('1');
});
