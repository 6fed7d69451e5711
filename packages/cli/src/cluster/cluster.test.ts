import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OperatedHub, startOperatedHub } from '../operated-hub.ts';

let hub: OperatedHub;
beforeAll(async () => {
  hub = await startOperatedHub();
  await hub.operate('topics', 'create', 'orders', '--partitions', '2');
});
afterAll(() => hub.remove());

const cluster = (...args: string[]) => hub.operate('cluster', ...args);

test('a single broker is described, and is healthy', async () => {
  const { code, stdout } = await cluster('describe', '--check');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^cluster \S+: 1 broker, 6 partitions, controller 1$/m);
  expect(stdout).toMatch(/^ +1 {2}127\.0\.0\.1:\d+ +- +alive, controller +6 +6 +0 +0 B$/m);
  expect(stdout).toMatch(/^healthy$/m);
  const described = JSON.parse((await cluster('describe', '--json')).stdout);
  expect(described).toMatchObject({ controller: 1, isHealthy: true, underReplicated: 0, offline: 0 });
  expect(await cluster('under-replicated', '--check')).toEqual({ code: 0, stdout: '', stderr: '' });
  expect((await cluster('under-replicated', '--json')).stdout).toBe('[]\n');
});

test('what lies as it should is not moved', async () => {
  expect((await cluster('reassign', '--topics', 'orders', '--brokers', '1')).stdout).toBe(
    'the partitions lie as planned\n',
  );
  expect(await cluster('reassign', '--verify')).toMatchObject({
    code: 0,
    stdout: 'no partition is being moved\n',
  });
  expect((await cluster('reassign', '--cancel')).stdout).toBe('no partition is being moved\n');
  expect((await cluster('add', '1')).stdout).toBe('broker 1 has as much as the others\n');
  expect(JSON.parse((await cluster('add', '1', '--json')).stdout)).toEqual({
    outcome: 'done',
    moves: [],
    failed: [],
  });
});

test('what cannot be done is refused before anything is changed', async () => {
  const refused = async (...args: string[]) => {
    const { code, stdout, stderr } = await cluster(...args);
    expect([code, stdout]).toEqual([1, '']);
    return stderr;
  };
  expect(await refused('drain', '1')).toContain('the brokers for them are too few (none)');
  expect(await refused('drain', '7')).toContain('there is no broker 7 (known: 1)');
  expect(await refused('add', '7')).toContain('broker 7 is not alive (those that are: 1)');
  expect(await refused('reassign', '--topics', 'nowhere')).toContain('topic nowhere');
  expect(await refused('unregister', '1')).toContain('broker 1 is alive, and the only one');
  expect(await refused('unregister', '9')).toContain('BROKER_ID_NOT_REGISTERED');
  expect(await refused('elect', '--unclean', '--partition', 'orders:0')).toContain('ELECTION_NOT_NEEDED');
  expect(await refused('elect', '--unclean', '--partition', 'nowhere:0')).toContain('topic nowhere');
});

test('an election of all partitions has nothing to do', async () => {
  expect(await cluster('elect')).toEqual({ code: 0, stdout: '', stderr: '' });
  expect((await cluster('elect', '--preferred', '--topics', 'orders')).code).toBe(0);
});

test('usage errors say what is expected', async () => {
  expect((await cluster()).stderr).toContain('give exactly one of describe, under-replicated, reassign');
  expect((await cluster('drian', '1')).stderr).toContain('did you mean drain?');
  expect((await cluster('drain')).stderr).toContain('which broker?');
  expect((await cluster('describe', '3')).stderr).toContain('3 is not expected here');
  expect((await cluster('reassign')).stderr).toContain('--topics is required');
  expect((await cluster('elect', '--unclean')).stderr).toContain('go together');
  expect((await cluster('elect', '--unclean', '--partition', 'orders')).stderr).toContain(
    'expected TOPIC:PARTITION',
  );
});
