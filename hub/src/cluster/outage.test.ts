import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestCluster } from '@edgelog/etcd/testing/cluster.ts';
import { Relay } from '@edgelog/etcd/testing/relay.ts';
import { freePorts } from '@edgelog/sim';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_PLACEMENT } from '../metadata/topic-admin.ts';
import { eventually, SHORT_SESSION, type TestMember, TestMembers } from './testing/members.ts';

let etcd: TestCluster;
let members: TestMembers;

beforeAll(async () => {
  etcd = await TestCluster.start();
});
beforeEach(() => {
  members = new TestMembers(etcd);
});
afterEach(async () => {
  await etcd.heal();
  await members.closeAll();
});
afterAll(() => etcd.stop());

const isFenced = ({ handle }: TestMember): boolean => handle.session.epoch === undefined;

/** Asked for until it is there, whatever became of the time before. */
async function created({ handle, topics }: TestMember, name: string): Promise<void> {
  const topic = { name, partitions: 3, configs: {}, placement: DEFAULT_PLACEMENT };
  await eventually(async () => {
    await handle.topicAdmin.create(topic);
    return topics.get(name) !== undefined;
  }, `topic ${name} is created`);
}

test('while etcd has no quorum nobody acts as a member, and afterwards all do again', async () => {
  const all = await members.startWith({ settings: SHORT_SESSION }, 1, 2, 3);
  const [one] = all;
  await created(one!, 'before');
  const [, second, third] = etcd.members;
  await Promise.all([second!.kill(), third!.kill()]);
  await eventually(() => all.every(isFenced), 'all are fenced');
  expect(one!.handle.health()[0]).toContain('not registered in the cluster');
  expect(all.some(({ handle }) => handle.cluster.isMember)).toBe(false);
  expect(await one!.handle.topicAdmin.delete(one!.topics.get('before')!)).toMatchObject({
    error: 'REQUEST_TIMED_OUT',
  });
  await etcd.heal();
  await eventually(() => !all.some(isFenced), 'all are registered');
  await eventually(() => {
    const led = [...one!.handle.mirror.metadata.partitions()].map(({ record }) => record);
    const epochs = new Map(all.map(({ brokerId, handle }) => [brokerId, handle.session.epoch]));
    return led.length === 3 && led.every((r) => epochs.get(r.leader) === r.leaderBrokerEpoch);
  }, 'all partitions are led under the new registrations');
  await eventually(() => one!.handle.health().length === 0, 'all is well');
});

test('a broker that etcd does not hear is replaced, and comes back under a new registration', async () => {
  const relays = await Promise.all(etcd.endpoints.map((endpoint) => Relay.to(endpoint)));
  const endpoints = relays.map(({ endpoint }) => endpoint);
  const cut = members.member(1, { etcd: endpoints, settings: SHORT_SESSION });
  await cut.start();
  const [other] = await members.start(2);
  await eventually(() => !isFenced(cut), 'it is registered');
  const before = cut.handle.session.epoch!;
  for (const relay of relays) relay.mode = 'deaf';
  await eventually(() => isFenced(cut), 'it is fenced');
  await eventually(() => other!.handle.states(1).epoch === undefined, 'the other one sees it go');
  await eventually(() => other!.handle.cluster.controllerId === 2, 'the other one is the controller');
  for (const relay of relays) relay.mode = 'open';
  await eventually(() => (cut.handle.session.epoch ?? before) > before, 'it is back, as another');
  const controllers = () => [cut, other!].map(({ handle }) => handle.cluster.controllerId);
  await eventually(() => controllers()[0] !== -1 && new Set(controllers()).size === 1, 'both know of one');
  await cut.close();
  for (const relay of relays) await relay.close();
});

test('brokers whose sessions outlast an election of etcd do not notice that its leader dies', async () => {
  const all = await members.start(1, 2, 3);
  const epochs = all.map(({ handle }) => handle.session.epoch);
  let lost = 0;
  for (const { handle } of all) handle.session.onLost(() => lost++);
  await (await etcd.leader()).kill();
  await created(all[0]!, 'after');
  await eventually(() => all.every(({ topics }) => topics.get('after') !== undefined), 'all have it');
  expect(lost).toBe(0);
  expect(all.map(({ handle }) => handle.session.epoch)).toEqual(epochs);
});

describe('without etcd', () => {
  test('a broker waits for it, says what it waits for, and can be told to end', async () => {
    const giveUp = new AbortController();
    const nowhere = members.member(1, { etcd: ['http://127.0.0.1:1'] });
    const opening = nowhere.open(giveUp.signal).then(
      () => 'opened',
      () => 'gave up',
    );
    await eventually(() => nowhere.has('waits for etcd at http://127.0.0.1:1'), 'it says so');
    giveUp.abort();
    expect(await opening).toBe('gave up');
  });

  test('a hub that waits answers 503 with the reason, and ends when it is told to', async () => {
    const [port] = await freePorts(1);
    const dir = mkdtempSync(join(tmpdir(), 'edgelog-waiting-'));
    const main = join(import.meta.dirname, '../../test/support/hub-main.ts');
    const flags = [`--data-dir=${dir}`, '--kafka=127.0.0.1:0', '--sync=127.0.0.1:0'];
    const cluster = ['--etcd=http://127.0.0.1:1', '--broker-id=1', `--http=127.0.0.1:${port}`];
    const hub = spawn(process.execPath, [main, ...flags, ...cluster], { stdio: 'ignore' });
    const exited = once(hub, 'exit');
    const health = async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
      return answer && { status: answer.status, body: await answer.text() };
    };
    try {
      await eventually(async () => (await health()) !== undefined, 'it answers');
      const { status, body } = (await health())!;
      expect(status).toBe(503);
      expect(body).toContain('waits for etcd at http://127.0.0.1:1');
      hub.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
    } finally {
      hub.kill('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
