import { setTimeout as delay } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import { until } from '@edgelog/sim';
import { RESERVED_PRODUCER_ID_MIN } from '@edgelog/wire';
import { beforeEach, expect, test } from 'vitest';
import { topicConfigDefinitions } from '../metadata/topic-config.ts';
import { type Topic, Topics } from '../metadata/topics.ts';
import type { Partition } from '../partition/partition.ts';
import type { RecordTable } from './record-table.ts';
import { type RunRecord, Runs } from './runs.ts';

const producerId = RESERVED_PRODUCER_ID_MIN + 1;
const info = { producerId, logId: 'log', topic: 'telemetry', firstOffset: 100 };
const [OLD, NEW] = ['0b35a9c5-7d3b-4d6d-8d0f-111111111111', '0b35a9c5-7d3b-4d6d-8d0f-222222222222'];

/** What several brokers share; fails so many times first. */
class SharedTable implements RecordTable<RunRecord> {
  readonly swapsAtOnce = 4;
  readonly records: Map<string, RunRecord>;
  failures = 0;

  constructor(records: Map<string, RunRecord>) {
    this.records = records;
  }

  get(key: string) {
    return this.records.get(key);
  }

  all() {
    return this.records;
  }

  async swap(key: string, known: RunRecord | undefined, record: RunRecord): Promise<boolean> {
    await delay(1);
    if (this.failures-- > 0) throw new EdgelogError('TIMEOUT', 'etcd has no leader');
    if (this.records.get(key) !== known) return false;
    this.records.set(key, record);
    return true;
  }

  isWorthRetrying(error: unknown): boolean {
    return error instanceof EdgelogError;
  }
}

const records = new Map<string, RunRecord>();
beforeEach(() => records.clear());

/** A broker with a replica of the run's partition that has so many of its records, or none. */
function broker({ recordCount, leads = false }: { recordCount?: number; leads?: boolean }) {
  const topics = new Topics(topicConfigDefinitions(100_000, 2 ** 20, 1));
  const producer = () => recordCount && { recordCount, batches: [{ crc: recordCount }] };
  const partition = {
    replica: recordCount === undefined ? undefined : { producer },
    replication: { leaderRefusal: leads ? 'NONE' : 'NOT_LEADER_OR_FOLLOWER' },
    close: () => {},
  } as unknown as Partition;
  const table = new SharedTable(records);
  const runs = new Runs({ table, topics, carryMs: 100 });
  const make = (id: string): Topic =>
    topics.add({ name: 'telemetry', id, configs: {}, createdAtMs: 0 }, [partition]);
  make(OLD);
  return { runs, table, topics, make };
}

test('brokers that register one run at once agree on one', async () => {
  const [one, two] = [broker({}), broker({})];
  const topic = one.topics.get('telemetry')!;
  const outcomes = await Promise.all([
    one.runs.add('gw', info, topic, 3, 1),
    two.runs.add('gw', info, topic, 4, 2),
  ]);
  expect(outcomes).toEqual([true, false]);
  expect(two.runs.get(producerId)?.partition).toBe(3);
  expect(two.runs.get(producerId)).toBe(two.runs.get(producerId));
});

test('where runs of a deleted topic stood is what its leader says, though a follower writes too', async () => {
  const [leader, follower, elsewhere] = [
    broker({ recordCount: 30, leads: true }),
    broker({ recordCount: 20 }),
    broker({}),
  ];
  await leader.runs.add('gw', info, leader.topics.get('telemetry')!, 0, 1);
  leader.table.failures = 1;
  for (const { topics } of [leader, follower, elsewhere]) topics.remove('telemetry');
  const recreated = elsewhere.make(NEW);
  expect(elsewhere.runs.mayMove(elsewhere.runs.get(producerId)!)).toBe(false);
  await Promise.all([leader.runs.carried(), follower.runs.carried()]);
  const run = elsewhere.runs.get(producerId)!;
  expect(run).toMatchObject({ carried: { next: 130, crc: 30 }, carriedOf: OLD });
  expect(elsewhere.runs.mayMove(run)).toBe(true);
  expect(await elsewhere.runs.move(run, recreated, 0)).toBe(true);
  expect(await elsewhere.runs.move(run, recreated, 0)).toBe(false);
  expect(elsewhere.runs.get(producerId)).toMatchObject({ topicId: NEW, countedFrom: 130 });
});

test('with the leader gone the furthest of the others counts, and in the end the run goes on without', async () => {
  const [one, two] = [broker({ recordCount: 10 }), broker({ recordCount: 20 })];
  await one.runs.add('gw', info, one.topics.get('telemetry')!, 0, 1);
  for (const { topics } of [two, one]) topics.remove('telemetry');
  expect(one.runs.mayMove(one.runs.get(producerId)!)).toBe(false);
  await Promise.all([one.runs.carried(), two.runs.carried()]);
  expect(one.runs.get(producerId)?.carried).toEqual({ next: 120, crc: 20 });
  await until(() => one.runs.mayMove(one.runs.get(producerId)!), 'it is waited for no longer');
});
