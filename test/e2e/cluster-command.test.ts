import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestBrokers } from '../../hub/test/cluster/support.ts';
import { dispatch } from '../../packages/cli/src/dispatch.ts';
import { catchOutput } from '../../packages/cli/src/operated-hub.ts';

const WAIT_MS = 120_000;
const PARTITIONS = 6;
const MOVE_RATE = 'follower.replication.throttled.rate';
let brokers: TestBrokers;
let topicsMade = 0;

beforeAll(async () => {
  brokers = await TestBrokers.start(3, { offsetsPartitions: 1 });
}, WAIT_MS);
afterAll(() => brokers?.close(), WAIT_MS);

/** Runs a command against the first broker; one at a time, since its output is caught. */
const edgelog = (command: string, ...args: string[]) =>
  catchOutput(() => dispatch([command, '--bootstrap-server', brokers.hubs.get(1)!.bootstrap, ...args]));

async function made(name: string): Promise<void> {
  const created = await edgelog('topics', 'create', name, '--partitions', String(PARTITIONS));
  expect(created).toMatchObject({ code: 0, stderr: '' });
  topicsMade += 1;
  for (let index = 0; index < PARTITIONS; index++) {
    const leader = await brokers.untilLed(name, index);
    await brokers.produce(leader, name, ['a', 'b', `${index}`], { index });
  }
}

async function described() {
  return JSON.parse((await edgelog('cluster', 'describe', '--json')).stdout) as {
    brokers: { id: number; isAlive: boolean; replicas: number; leads: number }[];
    isHealthy: boolean;
    faults: string[];
    notes: string[];
  };
}

async function recordsOf(name: string): Promise<number[]> {
  const [topic] = JSON.parse((await edgelog('topics', 'describe', name, '--json')).stdout);
  return topic.partitions.map(({ endOffset }: { endOffset: number }) => endOffset);
}

/** Who has just begun to lead is told what is committed. */
const hasAllRecords = (name: string): Promise<void> =>
  expect.poll(() => recordsOf(name), { timeout: WAIT_MS / 2 }).toEqual(Array(PARTITIONS).fill(3));

test(
  'a broker is added, is given its share, and is emptied and forgotten again; no record is lost',
  async () => {
    await made('orders');
    expect(await edgelog('cluster', 'describe', '--check')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('3 brokers, 6 partitions'),
    });
    await brokers.add(4);
    await edgelog('configs', 'alter', '--broker', '4', '--add-config', `${MOVE_RATE}=1`);
    const begun = await edgelog('cluster', 'add', '4', '--detach');
    expect(begun).toMatchObject({ code: 0, stderr: expect.stringContaining('go on by themselves') });
    const verified = await edgelog('cluster', 'reassign', '--verify', '--json');
    expect(verified.code).toBe(JSON.parse(verified.stdout).length === 0 ? 0 : 1);
    expect((await edgelog('cluster', 'reassign', '--cancel')).code).toBe(0);
    expect((await edgelog('cluster', 'reassign', '--verify')).stdout).toBe('no partition is being moved\n');
    await edgelog('configs', 'alter', '--broker', '4', '--delete-config', MOVE_RATE);

    const planned = await edgelog('cluster', 'add', '4', '--dry-run');
    expect(planned).toMatchObject({ code: 0, stderr: expect.stringContaining('nothing was changed') });
    const added = await edgelog('cluster', 'add', '4', '--throttle', '50000000');
    expect(added).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('broker 4 has as much as the others'),
    });
    const loads = (await described()).brokers.map(({ replicas }) => replicas);
    expect(loads).toHaveLength(4);
    expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
    await hasAllRecords('orders');

    const drained = await edgelog('cluster', 'drain', '4');
    expect(drained).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('nothing is left on broker 4'),
    });
    expect((await described()).brokers.find(({ id }) => id === 4)).toMatchObject({ replicas: 0, leads: 0 });
    expect(await edgelog('cluster', 'under-replicated', '--check')).toMatchObject({ code: 0, stdout: '' });
    expect((await edgelog('cluster', 'unregister', '4')).stderr).toContain('stop it first');
    await brokers.stop(4);
    await expect
      .poll(async () => (await described()).faults, { timeout: WAIT_MS / 2 })
      .toEqual(['broker 4 is away']);
    expect((await edgelog('cluster', 'unregister', '4')).stdout).toBe('unregistered broker 4\n');
    expect((await described()).brokers.map(({ id }) => id)).toEqual([1, 2, 3]);
    await hasAllRecords('orders');
  },
  2 * WAIT_MS,
);

test(
  'what three brokers have cannot be put on two',
  async () => {
    await made('wide');
    for (const args of [
      ['reassign', '--topics', 'wide', '--brokers', '1,2'],
      ['drain', '3'],
    ]) {
      const { code, stdout, stderr } = await edgelog('cluster', ...args);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain('has 3 replicas to place, and the brokers for them are too few (2: 1, 2)');
    }
  },
  WAIT_MS,
);

test(
  'a broker that is away is told, and leads again what it preferably does when it is back',
  async () => {
    await brokers.stop(3);
    await expect
      .poll(async () => (await described()).faults, { timeout: WAIT_MS / 2 })
      .toEqual(['broker 3 is away', `${PARTITIONS * topicsMade} partitions under-replicated`]);
    const lacking = await edgelog('cluster', 'under-replicated', '--check');
    expect(lacking.code).toBe(1);
    expect(lacking.stdout).toMatch(/^wide +0 +[12] +\S+ +[12],[12] +3 \(away\)$/m);
    const unavailable = await edgelog('cluster', 'elect', '--topics', 'wide');
    expect(unavailable).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('PREFERRED_LEADER_NOT_AVAILABLE'),
    });
    await brokers.add(3);
    await expect.poll(async () => (await described()).isHealthy, { timeout: WAIT_MS / 2 }).toBe(true);
    expect((await edgelog('cluster', 'elect')).code).toBe(0);
    const after = await described();
    expect(after.notes).toEqual([]);
    expect(after.brokers.map(({ leads }) => leads)).toEqual(Array(3).fill((PARTITIONS * topicsMade) / 3));
  },
  2 * WAIT_MS,
);
