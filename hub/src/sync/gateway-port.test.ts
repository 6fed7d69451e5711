import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogStore, openLogStore } from '@edgelog/log';
import { silentLogger } from '@edgelog/runtime';
import { until } from '@edgelog/sim';
import type { HubAppend, RunInfo } from '@edgelog/sync';
import {
  iterateRecords,
  RESERVED_PRODUCER_ID_MIN,
  RecordsEncoder,
  readBatchHeader,
  sequenceOf,
} from '@edgelog/wire';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LocalTopics } from '../metadata/local-topics.ts';
import { topicConfigDefinitions } from '../metadata/topic-config.ts';
import { Topics } from '../metadata/topics.ts';
import { hubSettings } from '../settings.ts';
import { Gaps } from './gaps.ts';
import { GatewayEvents } from './gateway-events.ts';
import { GatewayPort } from './gateway-port.ts';
import { localGatewayHome } from './home.ts';
import { RunLeader } from './run-leader.ts';
import { Runs } from './runs.ts';

const NEAR_WRAP = 2 ** 31 - 3;

let dir: string;
let store: LogStore;
let topics: Topics;
let topicAdmin: LocalTopics;
let runs: Runs;
let gaps: Gaps;
let port: GatewayPort;

async function open(settings: { autoCreateTopics?: boolean } = {}): Promise<void> {
  store = await openLogStore({ dir });
  topics = new Topics(topicConfigDefinitions(10_000, 2 ** 20));
  topicAdmin = new LocalTopics({ topics, store, nodeId: 1, now: () => 1 });
  const home = localGatewayHome(store);
  runs = new Runs({ table: home.runs, topics, carryMs: home.carryMs });
  gaps = new Gaps(home.gaps);
  const broker = {
    nodeId: 1,
    clusterId: 'test',
    settings: hubSettings.parse({ dataDir: dir, defaultPartitions: 4, ...settings }),
    store,
    topics,
    topicAdmin,
    log: silentLogger,
  };
  const leader = new RunLeader({ store, topics, runs });
  const now = () => 1;
  const events = new GatewayEvents({ broker, peers: undefined, now });
  port = new GatewayPort({ broker, runs, gaps, events, leader, forwarder: undefined, now });
}

async function reopen(settings = {}): Promise<void> {
  await store.close();
  await open(settings);
}

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'edgelog-port-'));
  await open();
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const runAt = (firstOffset: number, more: Partial<RunInfo> = {}): RunInfo => ({
  producerId: RESERVED_PRODUCER_ID_MIN + 7,
  logId: 'log-1',
  topic: 'telemetry',
  firstOffset,
  ...more,
});

/** The batch of a run that holds the edge offsets [from, to). */
function batch(run: RunInfo, from: number, to: number, value = 'record'): Buffer {
  const encoder = new RecordsEncoder({ baseOffset: from, baseTimestamp: 1000 });
  for (let offset = from; offset < to; offset++) {
    encoder.append({ timestamp: 1000, key: null, value: Buffer.from(`${value} ${offset}`) });
  }
  const { producerId } = run;
  return encoder.sealSync({
    compression: 'none',
    producerId,
    producerEpoch: 0,
    baseSequence: sequenceOf(from),
  });
}

const crcOf = (bytes: Buffer): number => readBatchHeader(bytes).crc;

async function committed(result: HubAppend) {
  const outcome = result.ok ? await result.committed : result;
  if ('code' in outcome) throw new Error(`${outcome.code}: ${outcome.message}`);
  return outcome;
}

async function opened(opening: ReturnType<GatewayPort['openRun']>): Promise<number> {
  const outcome = await opening;
  if (!outcome.ok) throw new Error(`${outcome.code}: ${outcome.message}`);
  return outcome.position?.next ?? 0;
}

const codeOf = (result: { ok: boolean; code?: string }) => (result.ok ? 'ok' : result.code);

describe('a run', () => {
  test('goes into one partition, and its position counts edge offsets, past the wrap of sequences too', async () => {
    const run = runAt(NEAR_WRAP);
    const opened = await port.openRun('gw', run);
    expect(opened).toMatchObject({ ok: true, position: undefined });
    const batches = [batch(run, NEAR_WRAP, NEAR_WRAP + 2), batch(run, NEAR_WRAP + 2, NEAR_WRAP + 6)];
    const results = batches.map((bytes) => port.append(run.producerId, bytes));
    expect(await committed(results[0]!)).toEqual({ next: NEAR_WRAP + 2, crc: crcOf(batches[0]!) });
    expect(await committed(results[1]!)).toEqual({ next: NEAR_WRAP + 6, crc: crcOf(batches[1]!) });
    const [{ partition }] = [opened as { partition: number }];
    expect(topics.partition('telemetry', partition)!.log.flushedEndOffset).toBe(6);
  });

  test('is found again after a restart, with its position and partition', async () => {
    const run = runAt(10);
    const opened = await port.openRun('gw', run);
    const bytes = batch(run, 10, 15);
    await committed(port.append(run.producerId, bytes));
    await reopen();
    const again = await port.openRun('gw', run);
    expect(again).toEqual({ ...opened, position: { next: 15, crc: crcOf(bytes) } });
    const more = batch(run, 15, 16);
    expect(await committed(port.append(run.producerId, more))).toEqual({ next: 16, crc: crcOf(more) });
  });

  test('opened again with appends in flight, it is answered what is on disk', async () => {
    const run = runAt(0);
    const { partition } = (await port.openRun('gw', run)) as { partition: number };
    const { log } = topics.partition('telemetry', partition)!;
    for (let next = 0; next < 40; ) {
      for (let i = 0; i < 2; i++) void committed(port.append(run.producerId, batch(run, next, ++next)));
      expect(await opened(port.openRun('gw', run))).toBe(next);
      expect(log.flushedEndOffset).toBe(next);
    }
  });

  test('a card cloned under another name is told nothing of its own is stored where the original went on', async () => {
    const run = runAt(0);
    const opened = (await port.openRun('gw', run)) as { partition: number };
    await port.openRun('clone', run);
    const batches = Array.from({ length: 9 }, (_, i) => batch(run, i * 2, i * 2 + 2));
    await Promise.all(batches.map((bytes) => committed(port.append(run.producerId, bytes))));
    for (const from of [0, 14, 16]) {
      const cloned = batch(run, from, from + 2, 'of the clone');
      expect(codeOf(port.append(run.producerId, cloned))).toBe('out-of-order');
    }
    expect(await port.openRun('clone', run)).toMatchObject({
      position: { next: 18, crc: crcOf(batches[8]!) },
    });
    expect(topics.partition('telemetry', opened.partition)!.log.logEndOffset).toBe(18);
  });

  test('must be opened first, begins at its first offset and leaves nothing out', async () => {
    const run = runAt(5);
    expect(codeOf(port.append(run.producerId, batch(run, 5, 6)))).toBe('protocol-error');
    await port.openRun('gw', run);
    expect(codeOf(port.append(run.producerId, batch(run, 6, 7)))).toBe('out-of-order');
    await committed(port.append(run.producerId, batch(run, 5, 7)));
    expect(codeOf(port.append(run.producerId, batch(run, 8, 9)))).toBe('out-of-order');
  });

  test('batches that are corrupt, too large or of another producer are refused', async () => {
    const run = runAt(0);
    await port.openRun('gw', run);
    const flipped = batch(run, 0, 3);
    flipped[flipped.length - 1]! ^= 1;
    expect(codeOf(port.append(run.producerId, flipped))).toBe('corrupt-batch');
    expect(codeOf(port.append(run.producerId, batch(run, 0, 3).subarray(0, -1)))).toBe('corrupt-batch');
    expect(codeOf(port.append(run.producerId, Buffer.from('nonsense')))).toBe('corrupt-batch');
    expect(codeOf(port.append(run.producerId, batch(run, 0, 1000)))).toBe('batch-too-large');
    const other = { ...run, producerId: run.producerId + 1 };
    expect(codeOf(port.append(run.producerId, batch(other, 0, 3)))).toBe('protocol-error');
    await committed(port.append(run.producerId, batch(run, 0, 3)));
  });

  test('goes on into a compacted topic: without keys nothing of it is compacted, and its position stays', async () => {
    await topicAdmin.create({ name: 'telemetry', partitions: 1, configs: { 'cleanup.policy': 'compact' } });
    const run = runAt(0);
    await port.openRun('gw', run);
    for (let next = 0; next < 30; next += 10) {
      await committed(port.append(run.producerId, batch(run, next, next + 10)));
    }
    const eager = {
      dirtyRatioMin: 0,
      minLagMs: 0,
      maxLagMs: 0,
      deleteRetentionMs: 0,
      rollBytes: 1,
      rollMs: 0,
    };
    const passes = await store.compact({ policies: new Map([['telemetry-0', eager]]) });
    expect(passes).toMatchObject([{ endOffset: 30, recordsBefore: 30, recordsAfter: 30 }]);
    await reopen();
    expect(await port.openRun('gw', run)).toMatchObject({ ok: true, position: { next: 30 } });
    expect(await committed(port.append(run.producerId, batch(run, 30, 31)))).toMatchObject({ next: 31 });
  });

  test('two logs may not share a producer id; a gateway may be renamed', async () => {
    await port.openRun('gw', runAt(0));
    expect(codeOf(await port.openRun('gw', runAt(0, { logId: 'log-2' })))).toBe('protocol-error');
    expect(codeOf(await port.openRun('gw', runAt(1)))).toBe('protocol-error');
    expect(codeOf(await port.openRun('gw', runAt(0, { producerId: 12 })))).toBe('protocol-error');
    expect(codeOf(await port.openRun('renamed', runAt(0)))).toBe('ok');
    expect(runs.get(runAt(0).producerId)!.gateway).toBe('renamed');
  });
});

describe('topics', () => {
  test('illegal names and the broker’s own topics are refused', async () => {
    for (const topic of ['', '..', 'a b', '__consumer_offsets', 'x'.repeat(250)]) {
      expect(codeOf(await port.openRun('gw', runAt(0, { topic })))).toBe('illegal-topic');
    }
    expect(topics.count).toBe(0);
  });

  test('where agents may not create them, they are missing until somebody does', async () => {
    await reopen({ autoCreateTopics: false });
    expect(codeOf(await port.openRun('gw', runAt(0)))).toBe('topic-missing');
    await topicAdmin.create({ name: 'telemetry', partitions: 1, configs: {} });
    expect(codeOf(await port.openRun('gw', runAt(0)))).toBe('ok');
  });

  test('a deleted topic is not brought back by a gateway; created again, the run goes on where it stood', async () => {
    const run = runAt(100);
    await port.openRun('gw', run);
    const last = batch(run, 100, 110);
    await committed(port.append(run.producerId, last));
    await topicAdmin.delete(topics.get('telemetry')!);
    expect(codeOf(port.append(run.producerId, batch(run, 110, 111)))).toBe('topic-missing');
    expect(codeOf(await port.openRun('gw', run))).toBe('topic-missing');

    await reopen();
    expect(codeOf(await port.openRun('gw', run))).toBe('topic-missing');
    await topicAdmin.create({ name: 'telemetry', partitions: 1, configs: {} });
    const resumed = await port.openRun('gw', run);
    expect(resumed).toEqual({ ok: true, partition: 0, position: { next: 110, crc: crcOf(last) } });
    expect(codeOf(port.append(run.producerId, batch(run, 111, 112)))).toBe('out-of-order');
    const more = batch(run, 110, 113);
    expect(await committed(port.append(run.producerId, more))).toEqual({ next: 113, crc: crcOf(more) });
    expect(topics.partition('telemetry', 0)!.log.flushedEndOffset).toBe(3);

    await reopen();
    expect(await port.openRun('gw', run)).toMatchObject({ position: { next: 113, crc: crcOf(more) } });
  });

  test('a topic deleted twice before the run wrote to the second one still resumes from the first', async () => {
    const run = runAt(0);
    await port.openRun('gw', run);
    const bytes = batch(run, 0, 4);
    await committed(port.append(run.producerId, bytes));
    for (let i = 0; i < 2; i++) {
      await topicAdmin.delete(topics.get('telemetry')!);
      await topicAdmin.create({ name: 'telemetry', partitions: 3, configs: {} });
      expect(await port.openRun('gw', run)).toMatchObject({ position: { next: 4, crc: crcOf(bytes) } });
    }
  });
});

test('gaps are kept for ever, and once however often they are declared', async () => {
  const gap = { logId: 'log-1', topic: 'telemetry', from: 5, to: 9, reason: 'dropped' } as const;
  await port.recordGap('gw', gap);
  await port.recordGap('gw', gap);
  await reopen();
  expect([...gaps.all()]).toEqual([{ gateway: 'gw', ...gap, recordedAtMs: 1 }]);
  expect(gaps.lostRecords).toBe(4);
});

describe('events', () => {
  const gap = { logId: 'log-1', topic: 'telemetry', from: 5, to: 9, reason: 'dropped' } as const;

  /** The JSON records of the topic, by their key. */
  function told(): { key: string; value: unknown }[] {
    const log = topics.get('edgelog.events')?.partitions[0]?.log;
    if (log === undefined) return [];
    const { batches } = log.read(0, { maxBytes: 1e6 });
    return batches.flatMap((bytes) =>
      Array.from(iterateRecords(bytes), ({ key, value }) => ({
        key: String(key),
        value: JSON.parse(String(value)) as unknown,
      })),
    );
  }

  test('a gap is a readable record for every consumer, once it is declared', async () => {
    await port.recordGap('gw', gap);
    await port.recordGap('gw', gap);
    expect(told()).toEqual([
      {
        key: 'gw',
        value: {
          ...gap,
          id: 'gap/log-1/5-9',
          at: '1970-01-01T00:00:00.001Z',
          event: 'gap',
          gateway: 'gw',
          records: 4,
        },
      },
    ]);
  });

  test('a refusal that is told over and over is one record', async () => {
    const incident = {
      type: 'refusal',
      gateway: 'gw',
      run: runAt(0),
      code: 'batch-too-large',
      message: 'too large',
    } as const;
    for (let i = 0; i < 3; i++) port.incident(incident);
    await until(() => told().length > 0, 'the event is written');
    port.incident(incident);
    await port.recordGap('gw', gap);
    expect(told().map(({ value }) => (value as { event: string }).event)).toEqual(['refusal', 'gap']);
  });

  test('their topic is not for gateways to write to', async () => {
    expect(codeOf(await port.openRun('gw', runAt(0, { topic: 'edgelog.events' })))).toBe('illegal-topic');
  });
});
