import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogStore, openLogStore } from '@edgelog/log';
import { sealBatch, until } from '@edgelog/sim';
import { type ErrorName, RESERVED_PRODUCER_ID_MIN, readBatchHeader } from '@edgelog/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { topicConfigDefinitions } from '../metadata/topic-config.ts';
import { type Topic, Topics } from '../metadata/topics.ts';
import { Partition } from '../partition/partition.ts';
import type { Replication } from '../partition/replication.ts';
import { standaloneLeadership } from '../partition/standalone.ts';
import { localGatewayHome } from './home.ts';
import { type OpenedRun, RunLeader } from './run-leader.ts';
import { Runs } from './runs.ts';

const TOPIC_ID = '0b35a9c5-7d3b-4d6d-8d0f-111111111111';
const EPOCH = 5;
const producerId = RESERVED_PRODUCER_ID_MIN + 1;
const info = { producerId, logId: 'log', topic: 'telemetry', firstOffset: 0 };

/** A leader whose followers fetch when the test says so. */
class Steered implements Replication {
  readonly leadership = { ...standaloneLeadership(1), leaderEpoch: EPOCH, replicas: [1, 2], isr: [1, 2] };
  readonly readRefusal = 'NONE';
  readonly isHighWatermarkKnown = true;
  leaderRefusal: ErrorName = 'NONE';
  commitRefusal: ErrorName = 'NONE';
  committedEnd = 0;
  readonly waiting: { end: number; settle: (error: ErrorName) => void }[] = [];

  get highWatermark(): number {
    return this.committedEnd;
  }

  onFlushed(): void {}

  committed(end: number): Promise<ErrorName> {
    if (end <= this.committedEnd) return Promise.resolve('NONE');
    return new Promise((settle) => this.waiting.push({ end, settle }));
  }

  commit(end: number): void {
    this.committedEnd = end;
    for (const { end: wanted, settle } of this.waiting) if (wanted <= end) settle('NONE');
  }

  lose(): void {
    for (const { settle } of this.waiting.splice(0)) settle('NOT_LEADER_OR_FOLLOWER');
  }
}

let dir: string;
let store: LogStore;
let runs: Runs;
let leader: RunLeader;
let replication: Steered;
let topic: Topic;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'edgelog-leader-'));
  store = await openLogStore({ dir });
  const topics = new Topics(topicConfigDefinitions(100_000, 2 ** 20, 1));
  const log = store.createPartition('telemetry-0');
  replication = new Steered();
  const partition = new Partition('telemetry', 0, log, replication);
  topic = topics.add({ name: 'telemetry', id: TOPIC_ID, configs: {}, createdAtMs: 0 }, [partition]);
  runs = new Runs({ table: localGatewayHome(store).runs, topics, carryMs: 0 });
  leader = new RunLeader({ store, topics, runs });
  await runs.add('gw', info, topic, 0, 0);
  await open();
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const batch = (from: number, count = 10) => {
  const records = Array.from({ length: count }, (_, i) => from + i);
  return sealBatch({ producerId, baseOffset: from, records, time: 0 });
};
const open = () => leader.open(runs.get(producerId)!);
/** Under the only opening so far, unless another is given. */
const append = (bytes: Buffer, { leaderEpoch = EPOCH, number = 1 } = {}) =>
  leader.append(producerId, { leaderEpoch, number }, bytes);

async function settledWithin<T>(promise: Promise<T>): Promise<T | 'waits'> {
  await store.flushed();
  return Promise.race([promise, new Promise<'waits'>((resolve) => setTimeout(resolve, 20, 'waits'))]);
}

test('an append is answered when it is committed, not when it is on this disk', async () => {
  expect(await open()).toEqual({ ok: true, opening: { leaderEpoch: EPOCH, number: 2 }, position: undefined });
  const bytes = batch(0);
  const appended = append(bytes, { number: 2 });
  if (!appended.ok) throw new Error(appended.message);
  expect(await settledWithin(appended.committed)).toBe('waits');
  replication.commit(10);
  expect(await appended.committed).toEqual({ next: 10, crc: readBatchHeader(bytes).crc });
});

test('an opening waits until all that the log has of the run is committed: what it answers is never taken back', async () => {
  append(batch(0));
  append(batch(10));
  replication.commit(10);
  const opened = open();
  expect(await settledWithin(opened)).toBe('waits');
  replication.commit(20);
  expect(await opened).toMatchObject({ ok: true, position: { next: 20 } });
});

test('an opening waits for the run alone, not for what others have in flight behind it', async () => {
  append(batch(0));
  replication.commit(10);
  store
    .partition('telemetry-0')!
    .append(
      sealBatch({ producerId: producerId + 1, baseOffset: 0, records: [1], time: 0 }),
      readBatchHeader(sealBatch({ producerId: producerId + 1, baseOffset: 0, records: [1], time: 0 })),
      { leaderEpoch: EPOCH, offsets: 'assign' },
    );
  expect(await open()).toMatchObject({ ok: true, position: { next: 10 } });
});

test('what was in flight when leadership is lost has an unknown fate, and so has the opening that waits for it', async () => {
  const appended = append(batch(0));
  if (!appended.ok) throw new Error(appended.message);
  const opened = open();
  await until(() => replication.waiting.length === 2, 'both wait');
  replication.lose();
  expect(await appended.committed).toMatchObject({ ok: false, code: 'not-available' });
  expect(await opened).toMatchObject({ ok: false, code: 'not-available' });
});

test('nothing is taken by a broker that does not lead, in another epoch than the run was opened in, or with too few replicas', async () => {
  const taken = () => store.partition('telemetry-0')!.logEndOffset;
  expect(append(batch(0), { leaderEpoch: EPOCH - 1 })).toMatchObject({ ok: false, code: 'not-available' });
  replication.commitRefusal = 'NOT_ENOUGH_REPLICAS';
  expect(append(batch(0))).toMatchObject({ ok: false, code: 'not-available' });
  expect(await open()).toMatchObject({ ok: false, code: 'not-available' });
  replication.leaderRefusal = 'NOT_LEADER_OR_FOLLOWER';
  expect(append(batch(0))).toMatchObject({ ok: false, code: 'not-available' });
  expect(await open()).toMatchObject({ ok: false, code: 'not-available' });
  expect(taken()).toBe(0);
});

test('with too few replicas an opening is refused at once: it would keep others waiting for nothing', async () => {
  append(batch(0));
  replication.commitRefusal = 'NOT_ENOUGH_REPLICAS';
  expect(await settledWithin(open())).toMatchObject({ ok: false, code: 'not-available' });
});

test('what an older session has on its way is not taken once the run was opened again', async () => {
  append(batch(0));
  const opened = open();
  expect(append(batch(10))).toMatchObject({ ok: false, code: 'not-available' });
  replication.commit(10);
  const { opening, position } = (await opened) as OpenedRun;
  expect(position?.next).toBe(10);
  expect(append(batch(10))).toMatchObject({ ok: false, code: 'not-available' });
  expect(append(batch(10), opening)).toMatchObject({ ok: true });
});

test('who is asked for a run that it has not heard of yet looks again before it refuses', async () => {
  const later = { ...info, producerId: producerId + 9 };
  const opened = leader.openFor(later.producerId, TOPIC_ID, 0);
  await runs.add('gw', later, topic, 0, 0);
  expect(await opened).toMatchObject({ ok: true, opening: { leaderEpoch: EPOCH } });
});
