import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OperatedHub, startOperatedHub } from '../operated-hub.ts';

let hub: OperatedHub;
beforeAll(async () => {
  hub = await startOperatedHub();
  await hub.operate(
    'topics',
    'create',
    'kept',
    '--config',
    'retention.ms=1000',
    '--config',
    'cleanup.policy=delete,compact',
  );
});
afterAll(() => hub.remove());

const configs = (...args: string[]) => hub.operate('configs', ...args);

test('configs are described: what is set, or all with their defaults', async () => {
  const set = (await configs('--describe', '--entity-type', 'topics', '--entity-name', 'kept')).stdout;
  expect(set).toMatch(/^kept +retention\.ms +1000 +DYNAMIC_TOPIC_CONFIG$/m);
  expect(set).toMatch(/^kept +cleanup\.policy +delete,compact +DYNAMIC_TOPIC_CONFIG$/m);
  expect(set).not.toContain('DEFAULT_CONFIG');
  const all = JSON.parse((await configs('describe', 'kept', '--all', '--json')).stdout);
  expect(all[0].configs).toContainEqual(
    expect.objectContaining({ name: 'compression.type', value: 'producer', source: 'DEFAULT_CONFIG' }),
  );
  expect((await configs('describe', '--entity-type', 'brokers')).stdout).toMatch(
    /^ +1 |^1 +\S+ +\S+ +STATIC/m,
  );
});
test('single configs are set and taken back, the others stay', async () => {
  expect(
    await configs(
      '--alter',
      '--entity-name',
      'kept',
      '--add-config',
      'max.message.bytes=2000',
      '--delete-config',
      'retention.ms',
    ),
  ).toEqual({ code: 0, stdout: 'altered topic kept\n', stderr: '' });
  const set = (await configs('describe', 'kept')).stdout;
  expect(set).toMatch(/^kept +max\.message\.bytes +2000 /m);
  expect(set).toMatch(/^kept +cleanup\.policy +delete,compact /m);
  expect(set).not.toContain('retention.ms');
  expect(await configs('alter', 'kept', '--add-config', 'max.message.bytes=much')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/topic kept: INVALID_CONFIG .*max\.message\.bytes/),
  });
  expect((await configs('alter', 'kept')).stderr).toContain('--add-config or --delete-config is required');
});
test('an entity that does not exist is named', async () => {
  expect(await configs('describe', 'nowhere')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('topic nowhere: UNKNOWN_TOPIC_OR_PARTITION'),
  });
  expect((await configs('describe', 'one', '--entity-type', 'brokers')).stderr).toContain(
    'expected the id of a broker',
  );
});
test('to delete what is not set is refused, with what is', async () => {
  expect(await configs('alter', 'kept', '--delete-config', 'cleanup.polic')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('topic kept: cleanup.polic is not set (did you mean cleanup.policy?)'),
  });
});
test('configs are set from a file, and topics and brokers named by the short flags', async () => {
  const file = join(hub.dataDir, 'topic.properties');
  writeFileSync(file, '# comment\nsegment.ms = 5000\n\ncleanup.policy=compact,delete\n');
  expect((await configs('--alter', '--topic', 'kept', '--add-config-file', file)).stdout).toBe(
    'altered topic kept\n',
  );
  const set = (await configs('--describe', '--topic', 'kept')).stdout;
  expect(set).toMatch(/^kept +segment\.ms +5000 /m);
  expect(set).toMatch(/^kept +cleanup\.policy +compact,delete /m);
  expect((await configs('--describe', '--broker', '1')).stdout).toMatch(/^ *1 +log\.dirs /m);
  expect((await configs('--describe', '--broker', '1', '--topic', 'kept')).stderr).toContain('give one of');
  expect((await configs('--alter', '--topic', 'kept', '--add-config-file', '/nowhere')).stderr).toContain(
    'cannot read /nowhere',
  );
});
