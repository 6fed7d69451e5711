import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CompressionName,
  iterateRecords,
  RecordsEncoder,
  readBatchHeader,
  verifyBatchCrc,
} from '@edgelog/wire';
import { expect, test } from 'vitest';
import { type CompactionPolicy, type LogStore, openLogStore, type PartitionLog } from './index.ts';
import { tempDir } from './test-dirs.ts';

const POLICY: CompactionPolicy = {
  dirtyRatioMin: 0,
  maxLagMs: Number.POSITIVE_INFINITY,
  minLagMs: 0,
  deleteRetentionMs: 1000,
  rollBytes: 1,
  rollMs: Number.POSITIVE_INFINITY,
};

/** A store whose clock stands at `now` until it is moved. */
class CompactedStore {
  readonly dir = tempDir();
  now = 1_000_000;
  store!: LogStore;

  async open(segmentBytes = 2 ** 20): Promise<this> {
    this.store = await openLogStore({ dir: this.dir, segmentBytes, now: () => this.now });
    return this;
  }

  async compact(policy: Partial<CompactionPolicy> = {}, names = ['t'], mapBytesMax?: number) {
    const policies = new Map(names.map((name) => [name, { ...POLICY, ...policy }]));
    const done = await this.store.compact({ policies, ...(mapBytesMax && { mapBytesMax }) });
    return done.map((one) => {
      if ('error' in one) throw one.error;
      return one;
    });
  }
}

type Write = readonly [key: string | null, value: string | null];

async function write(
  store: LogStore,
  log: PartitionLog,
  writes: readonly Write[],
  compression: CompressionName = 'none',
) {
  const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: 1000 });
  writes.forEach(([key, value], i) => {
    encoder.append({
      timestamp: 1000 + log.logEndOffset + i,
      key,
      value: value === null ? null : Buffer.from(value),
    });
  });
  const batch = encoder.sealSync({ compression, producerId: -1, producerEpoch: -1, baseSequence: -1 });
  log.append(batch, readBatchHeader(batch), { leaderEpoch: 0, offsets: 'assign' });
  await store.flushed();
}

/** offset:key=value of every record from `offset` on, as a consumer reads them; offsets only ascend. */
function consume(log: PartitionLog, offset = log.logStartOffset): string[] {
  const seen: string[] = [];
  for (let at = offset; at < log.highWatermark; ) {
    const { batches } = log.read(at, { maxBytes: 500 });
    expect(batches.length).toBeGreaterThan(0);
    for (const batch of batches) {
      const header = readBatchHeader(batch);
      verifyBatchCrc(batch, 0, header);
      expect(header.lastOffset).toBeGreaterThanOrEqual(at);
      for (const record of iterateRecords(batch)) {
        if (record.offset >= offset) seen.push(`${record.offset}:${record.key}=${record.value}`);
      }
      at = header.lastOffset + 1;
    }
  }
  return seen;
}

test('of each key the latest record stays, in its place, whatever the codec', async () => {
  const { store } = await new CompactedStore().open();
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const log = store.createPartition(codec);
    await write(
      store,
      log,
      [
        ['a', '1'],
        ['b', '1'],
        ['a', '2'],
        ['c', '1'],
      ],
      codec,
    );
    await write(
      store,
      log,
      [
        ['b', '2'],
        ['b', '3'],
      ],
      codec,
    );
    await write(
      store,
      log,
      [
        ['d', '1'],
        [null, 'no key'],
        ['a', '3'],
      ],
      codec,
    );
    const policies = new Map([[codec as string, POLICY]]);
    const [pass] = await store.compact({ policies });
    expect(pass).toMatchObject({ partition: codec, endOffset: 9, recordsBefore: 9, recordsAfter: 5 });
    expect(consume(log)).toEqual(['3:c=1', '5:b=3', '6:d=1', '7:null=no key', '8:a=3']);
    expect([log.logStartOffset, log.logEndOffset]).toEqual([0, 9]);
    for (let offset = 0; offset < 9; offset++) {
      expect(consume(log, offset)).toEqual(
        consume(log).filter((line) => Number.parseInt(line, 10) >= offset),
      );
    }
    const header = readBatchHeader(log.read(3, { maxBytes: 1 }).batches[0]!);
    expect(header).toMatchObject({ baseOffset: 0, lastOffset: 3, recordCount: 1, compression: codec });
    expect(log.offsetForTimestamp(1000)).toEqual({ offset: 3, timestamp: 1003 });
    expect(log.offsetForTimestamp(1004)).toEqual({ offset: 5, timestamp: 1005 });
    expect(log.offsetForTimestamp(1009)).toBeUndefined();
    expect(await store.compact({ policies })).toEqual([]);
  }
  await store.close();
});

test('what a compacted log holds outlives rolls, passes and reopening, and its segments are freed', async () => {
  const world = await new CompactedStore().open(40_000);
  let log = world.store.createPartition('t');
  let other = world.store.createPartition('other');
  const latest = new Map<string, string>();
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 60; i++) {
      const key = `k${(i * 7 + round) % 23}`;
      const value = `${round}-${i}-${'x'.repeat(500)}`;
      latest.set(key, value);
      await write(world.store, log, [[key, value]]);
      if (i % 10 === 0) await write(world.store, other, [['o', `${round}-${i}`]]);
    }
    world.now += 1000;
    for (const { endOffset } of await world.compact()) expect(endOffset).toBe(log.highWatermark);
    await world.store.clean({ deadShare: 0.1 });
    expect(new Set(consume(log).map((line) => line.slice(line.indexOf(':') + 1)))).toEqual(
      new Set([...latest].map(([key, value]) => `${key}=${value}`)),
    );
    if (round % 2 === 0) continue;
    await world.store.close();
    await world.open(40_000);
    log = world.store.partition('t')!;
    other = world.store.partition('other')!;
  }
  expect(log.liveBytes).toBeLessThan(23 * 700);
  expect(world.store.stats().deadBytes).toBeLessThan(40_000);
  expect(consume(other)).toHaveLength(36);
  const files = () => readdirSync(join(world.dir, 'segments')).filter((name) => !name.endsWith('-lock'));
  await world.store.flushed();
  await expect.poll(() => files().length).toBe(world.store.stats().segments);
  await world.store.close();
});

test('a tombstone outlives what it deleted by its retention, then it goes too', async () => {
  const world = await new CompactedStore().open();
  const { store } = world;
  const log = store.createPartition('t');
  await write(store, log, [
    ['a', '1'],
    ['b', '1'],
  ]);
  await write(store, log, [['a', null]]);
  await write(store, log, [['c', '1']]);
  await world.compact();
  expect(consume(log)).toEqual(['1:b=1', '2:a=null', '3:c=1']);
  world.now += 999;
  expect(await world.compact()).toEqual([]);
  world.now += 1;
  expect(await world.compact()).toMatchObject([{ tombstonesRemoved: 1, endOffset: 4 }]);
  expect(consume(log)).toEqual(['1:b=1', '3:c=1']);
  expect(await world.compact()).toEqual([]);
  await store.close();
});

test('a log that ends with a removed tombstone can be read to its end', async () => {
  const world = await new CompactedStore().open();
  const log = world.store.createPartition('t');
  await write(world.store, log, [['a', '1']]);
  await write(world.store, log, [['a', null]]);
  await world.compact();
  world.now += 1000;
  await world.compact();
  expect(consume(log)).toEqual([]);
  expect(log.logEndOffset).toBe(2);
  const [empty] = log.read(1, { maxBytes: 1000 }).batches;
  expect(readBatchHeader(empty!)).toMatchObject({ lastOffset: 1, recordCount: 0 });
  await world.store.close();
});

test('young records are left alone, and what is old is not kept waiting by the dirty ratio', async () => {
  const world = await new CompactedStore().open();
  const log = world.store.createPartition('t');
  const versions = (from: number) => [0, 1, 2, 3].map((i): Write => ['a', `${from + i}`]);
  await write(world.store, log, versions(0));
  world.now += 5000;
  await write(world.store, log, versions(4));
  expect(await world.compact({ minLagMs: 6000 })).toEqual([]);
  expect(await world.compact({ minLagMs: 1000 })).toMatchObject([{ endOffset: 4 }]);
  expect(consume(log)).toHaveLength(5);
  world.now += 5000;
  expect(await world.compact({ dirtyRatioMin: 0.99 })).toEqual([]);
  expect(await world.compact({ dirtyRatioMin: 0.99, maxLagMs: 4999 })).toMatchObject([{ endOffset: 8 }]);
  expect(consume(log)).toEqual(['7:a=7']);
  await world.store.close();
});

test('the active segment is rolled for a pass only when a policy asks for it', async () => {
  const world = await new CompactedStore().open();
  const log = world.store.createPartition('t');
  for (let i = 0; i < 4; i++) await write(world.store, log, [['a', 'x'.repeat(100)]]);
  expect(await world.compact({ rollBytes: 1000, rollMs: 1000 })).toEqual([]);
  world.now += 1001;
  expect(await world.compact({ rollBytes: 1000, rollMs: 1000 })).toHaveLength(1);
  expect(consume(log)).toHaveLength(1);
  await world.store.close();
});

test('keys that do not fit into the memory of one pass take several', async () => {
  const world = await new CompactedStore().open(20_000);
  const { store } = world;
  const log = store.createPartition('t');
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 200; i++) await write(store, log, [[`k${i}`, `${round} ${'x'.repeat(50)}`]]);
  }
  const passes = await world.compact({}, ['t'], 2400);
  expect(passes.length).toBeGreaterThan(2);
  expect(passes.at(-1)).toMatchObject({ endOffset: 600 });
  expect(consume(log).map((line) => Number.parseInt(line, 10))).toEqual(
    [...Array(200).keys()].map((i) => 400 + i),
  );
  await store.close();
});
