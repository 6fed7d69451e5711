import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OperatedHub, startOperatedHub } from '../operated-hub.ts';

const DAY = Date.UTC(2026, 0, 1);
let hub: OperatedHub;
let kafka: Kafka;
beforeAll(async () => {
  hub = await startOperatedHub();
  kafka = new Kafka({ clientId: 'test', brokers: [hub.server], logLevel: logLevel.NOTHING });
  await hub.operate('topics', 'create', 'work', '--partitions', '2');
  const producer = kafka.producer();
  await producer.connect();
  const messages = Array.from({ length: 10 }, (_, i) => ({
    value: `${i}`,
    partition: 1,
    timestamp: String(DAY + i * 1000),
  }));
  await producer.send({ topic: 'work', messages });
  await producer.disconnect();
});
afterAll(() => hub.remove());

const groups = (...args: string[]) => hub.operate('groups', ...args);
async function reset(...args: string[]): Promise<number[]> {
  const { stdout } = await groups('--reset-offsets', '--group', 'away', '--json', ...args);
  return JSON.parse(stdout).resets.map(({ newOffset }: { newOffset: number }) => newOffset);
}

test('offsets are reset within the range there is, and only with --execute', async () => {
  const dry = await groups('reset-offsets', 'away', '--topic', 'work:1', '--to-offset', '7');
  expect(dry).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('nothing was changed; add --execute'),
  });
  expect(dry.stdout).toMatch(/^away +work +1 +- +7$/m);
  expect((await groups('describe', 'away')).stderr).toContain('GROUP_ID_NOT_FOUND');

  expect(await reset('--topic', 'work:0,1', '--to-offset', '7', '--execute')).toEqual([0, 7]);
  expect(await reset('--all-topics', '--shift-by', '-3', '--execute')).toEqual([0, 4]);
  expect(await reset('--all-topics', '--shift-by', '100')).toEqual([0, 10]);
  expect(await reset('--topic', 'work', '--to-datetime', '2026-01-01T00:00:02.500')).toEqual([0, 3]);
  expect(await reset('--topic', 'work', '--to-datetime', '2027-01-01T00:00:00Z')).toEqual([0, 10]);
  expect(await reset('--topic', 'work:1', '--to-earliest')).toEqual([0]);
  expect(await reset('--topic', 'work:1', '--to-latest')).toEqual([10]);
  expect((await groups('describe', 'away')).stdout).toMatch(/^away +work +1 +4 +10 +6 /m);
});
test('offsets are reset to what they are, by age, and to what a file says', async () => {
  const current = () => reset('--topic', 'work', '--to-current');
  await reset('--topic', 'work', '--to-offset', '4', '--execute');
  expect(await current()).toEqual([0, 4]);
  expect(await reset('--topic', 'work', '--by-duration', 'P36500D')).toEqual([0, 0]);
  expect(await reset('--topic', 'work', '--by-duration', 'PT0.5S')).toEqual([0, 10]);
  const exported = await groups(
    ...['reset-offsets', 'away', '--topic', 'work', '--shift-by', '2', '--export'],
  );
  expect(exported.stdout).toBe('work,0,0\nwork,1,6\n');
  const file = join(hub.dataDir, 'offsets.csv');
  writeFileSync(file, exported.stdout);
  expect(await reset('--from-file', file, '--execute')).toEqual([0, 6]);
  expect(await current()).toEqual([0, 6]);
  writeFileSync(file, 'other,work,1,1\naway,work,1,9\n');
  expect(await reset('--from-file', file)).toEqual([9]);
  writeFileSync(file, 'work,1\n');
  expect((await groups('reset-offsets', 'away', '--from-file', file)).stderr).toContain(
    `${file}:1: "work,1": expected TOPIC,PARTITION,OFFSET`,
  );
  const clamped = await groups('reset-offsets', 'away', '--topic', 'work:1', '--to-offset', '5000000000');
  expect(clamped.stderr).toContain('work-1 holds offsets 0 to 10: 10 is taken for 5000000000');
  for (const wrong of ['7D', 'P', 'PT', 'P1Y'])
    expect(
      (await groups('reset-offsets', 'away', '--topic', 'work', '--by-duration', wrong)).stderr,
    ).toContain('expected PnDTnHnMnS');
});
test('committed offsets are deleted, and groups listed by state and by type', async () => {
  await reset('--topic', 'work', '--to-latest', '--execute');
  expect(await groups('--delete-offsets', '--group', 'away', '--topic', 'work:1')).toEqual({
    code: 0,
    stdout: 'deleted offset of work-1 of group away\n',
    stderr: '',
  });
  expect((await groups('--describe', '--group', 'away', '--offsets')).stdout).not.toMatch(/work +1/);
  expect((await groups('delete-offsets', 'nobody', '--topic', 'work')).stderr).toContain(
    'GROUP_ID_NOT_FOUND',
  );
  expect((await groups('delete-offsets', 'away')).stderr).toContain('--topic is required');
  const listed = async (...args: string[]) => (await groups('--list', ...args)).stdout.split('\n')[1];
  expect(await listed('--state', 'empty')).toMatch(/^away +Empty +classic/);
  expect(await listed('--state', 'stable')).toBe('');
  expect(await listed('--type', 'consumer')).toBe('');
  expect((await groups('list', 'away')).stderr).toContain('away is not expected here');
});
test('what cannot be reset is refused with the reason', async () => {
  const refused = async (...args: string[]) => {
    const { code, stderr } = await groups('reset-offsets', ...args);
    expect(code).toBe(1);
    return stderr;
  };
  expect(await refused('--topic', 'work', '--to-latest')).toContain('--group or --all-groups is required');
  expect(await refused('g', '--topic', 'work')).toContain('give exactly one of --to-earliest');
  expect(await refused('g', '--to-latest')).toContain('give either --topic or --all-topics');
  expect(await refused('g', '--topic', 'work', '--to-datetime', 'noon')).toContain(
    'expected YYYY-MM-DDTHH:mm',
  );
  expect(await refused('g', '--topic', 'work', '--shift-by', '1')).toContain('no committed offset to shift');
  expect(await refused('g', '--topic', 'work:7', '--to-latest')).toContain(
    'work-7: UNKNOWN_TOPIC_OR_PARTITION',
  );
});
test('a group in use is not reset, and is shown with its members and its state', async () => {
  const consumer = kafka.consumer({ groupId: 'busy' });
  await consumer.connect();
  await consumer.subscribe({ topic: 'work' });
  const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve));
  await consumer.run({ eachMessage: async () => {} });
  await joined;
  expect(await groups('reset-offsets', 'busy', '--topic', 'work', '--to-latest', '--execute')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(
      'group busy is Stable: offsets can be reset only while it has no members',
    ),
  });
  expect((await groups('--describe', '--group', 'busy', '--members')).stdout).toMatch(
    /^busy +test-\S+ +- +\S+ +test +2 +work-0,work-1$/m,
  );
  expect((await groups('describe', 'busy', '--state')).stdout).toMatch(
    /^busy +1 +RoundRobinAssigner +Stable +1$/m,
  );
  expect(await groups('delete', 'busy')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('group busy: NON_EMPTY_GROUP'),
  });
  await consumer.disconnect();
  expect(await groups('--delete', '--group', 'busy')).toEqual({
    code: 0,
    stdout: 'deleted group busy\n',
    stderr: '',
  });
  expect((await groups('delete', 'busy')).stderr).toContain('group busy: GROUP_ID_NOT_FOUND');
});
