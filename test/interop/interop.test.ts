import { afterAll, beforeAll, expect, test } from 'vitest';
import { System } from '../harness/system.ts';
import { checkRecords } from './check-records.ts';
import { CLIENTS } from './clients.ts';
import { type Hub, startHub } from './hub.ts';
import { createCodecTopics, readAll, writeWith } from './scenarios.ts';
import type { ReadRecord } from './session.ts';

const clients = CLIENTS.filter(({ name }) => name === 'kafkajs' || name === 'platformatic');
let system: System;
let hub: Hub;

beforeAll(async () => {
  system = await System.create();
  hub = await startHub(system);
});

afterAll(async () => {
  await system?.stop();
});

test('kafkajs and platformatic read what either wrote, compressed with zstd', async () => {
  expect(clients).toHaveLength(2);
  await createCodecTopics(hub, ['zstd']);
  await Promise.all(clients.map((client) => writeWith(hub, client, 'zstd')));
  const names = clients.map(({ name }) => name);
  await Promise.all(clients.map((client) => readAll(hub, client, 'zstd', names)));
});

const record = (offset: number, key: string): ReadRecord => ({
  partition: 0,
  offset,
  key,
  headers: 'origin=p',
  value: `${key};`.repeat(10),
});

test.each([
  ['lost', [record(0, 'p-0')], /1 missing, first p-1/],
  ['read twice', [record(0, 'p-0'), record(1, 'p-1'), record(2, 'p-1')], /p-1 twice/],
  ['behind a hole', [record(0, 'p-0'), record(2, 'p-1')], /offset 2 where 1 should be/],
  ['changed', [record(0, 'p-0'), { ...record(1, 'p-1'), value: 'x' }], /p-1 has value x/],
])('the check finds a record that was %s', (_, records, message) => {
  expect(() => checkRecords(records, [{ prefix: 'p', count: 2 }], true)).toThrow(message);
});
