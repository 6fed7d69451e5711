import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readBatchHeader } from '@edgelog/wire';
import { expect, test, vi } from 'vitest';
import { type CompactionPolicy, type LogStore, openLogStore } from './index.ts';
import type { Partition } from './partition.ts';
import { tempDir } from './test-dirs.ts';
import { appendKeyed, consume, EAGER_POLICY, type KeyedWrite, write } from './test-keyed-log.ts';

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
    const policies = new Map(names.map((name) => [name, { ...EAGER_POLICY, ...policy }]));
    const done = await this.store.compact({ policies, ...(mapBytesMax && { mapBytesMax }) });
    return done.map((one) => {
      if ('error' in one) throw one.error;
      return one;
    });
  }
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
    const policies = new Map([[codec as string, EAGER_POLICY]]);
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
    for (const { endOffset } of await world.compact()) expect(endOffset).toBe(log.flushedEndOffset);
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

test('a look-up by time does not find again what a pass took away since', async () => {
  const compacted = await new CompactedStore().open();
  const log = compacted.store.createPartition('t');
  await write(compacted.store, log, [['a', '1']]);
  await write(compacted.store, log, [['a', '2']]);
  expect(log.offsetForTimestamp(0)?.offset).toBe(0);
  await compacted.compact();
  expect(log.offsetForTimestamp(0)?.offset).toBe(1);
  await compacted.store.close();
});

test('young records are left alone, and what is old is not kept waiting by the dirty ratio', async () => {
  const world = await new CompactedStore().open();
  const log = world.store.createPartition('t');
  const versions = (from: number) => [0, 1, 2, 3].map((i): KeyedWrite => ['a', `${from + i}`]);
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

test('where there are many segments a policy for a small log does not cut the others into more, but once an hour', async () => {
  const world = await new CompactedStore().open(4000);
  const { store } = world;
  const [log, other] = [store.createPartition('t'), store.createPartition('other')];
  while (store.stats().segments < 70) await write(store, other, [['o', 'x'.repeat(5000)]]);
  const versions = async (from: number) => {
    for (let i = from; i < from + 3; i++) await write(store, log, [['a', `${i}`]]);
  };
  await versions(0);
  await world.compact({ rollMs: 1 });
  const { segments } = store.stats();
  for (let from = 3; from < 15; from += 3) {
    await versions(from);
    world.now += 1000;
    expect(await world.compact({ rollMs: 1 })).toEqual([]);
  }
  expect(store.stats().segments).toBe(segments);
  world.now += 3_600_000;
  expect(await world.compact({ rollMs: 1 })).toHaveLength(1);
  expect(consume(log)).toEqual(['14:a=14']);
  await store.close();
});

test('when the time is up no other pass is begun, and who was left out comes first next time', async () => {
  const world = await new CompactedStore().open();
  const names = ['a', 'b', 'c'];
  const policies = new Map(names.map((name) => [name, EAGER_POLICY]));
  const compacted: string[] = [];
  for (let round = 0; round < 4; round++) {
    for (const name of names) await write(world.store, world.store.createPartition(name), [['k', 'x']]);
    world.now += 1000;
    for (const { partition } of await world.store.compact({ policies, beginWithinMs: 0 })) {
      compacted.push(partition);
    }
  }
  expect(compacted).toEqual(['a', 'b', 'c', 'a']);
  await world.store.close();
});

test('keys that do not fit into the memory of one pass take several', async () => {
  const world = await new CompactedStore().open(20_000);
  const { store } = world;
  const log = store.createPartition('t');
  for (let i = 0; i < 600; i++) {
    appendKeyed(log, [[`k${i % 200}`, `${i} ${'x'.repeat(50)}`]]);
    if (i % 10 === 9) await store.flushed();
  }
  const passes = await world.compact({}, ['t'], 2400);
  expect(passes.length).toBeGreaterThan(2);
  expect(passes.at(-1)).toMatchObject({ endOffset: 600 });
  expect(consume(log).map((line) => Number.parseInt(line, 10))).toEqual(
    [...Array(200).keys()].map((i) => 400 + i),
  );
  await store.close();
});

test('a damaged batch stays as it is and is told, the rest is compacted, and no tombstone after it goes', async () => {
  const world = await new CompactedStore().open();
  let log = world.store.createPartition('t');
  const batches: Buffer[] = [];
  for (const writes of [
    ['a', '1'],
    ['b', '1'],
    ['a', '2'],
    ['b', null],
    ['a', '3'],
  ] as const) {
    const value = writes[1] && `${writes[1]}${'.'.repeat(5000)}`; // in pages of its own
    batches.push(await write(world.store, log, [[writes[0], value]]));
  }
  await world.store.close();
  const path = join(world.dir, 'segments/000000000001.mdb');
  const file = readFileSync(path);
  const at = file.indexOf(batches[1]!);
  file[at + batches[1]!.length - 2]! ^= 1;
  writeFileSync(path, file);
  await world.open();
  log = world.store.partition('t')!;
  const unreadable = [{ baseOffset: 1, endOffset: 2, reason: expect.stringContaining('CRC') }];
  expect(await world.compact()).toMatchObject([{ endOffset: 5, recordsAfter: 2, unreadable }]);
  world.now += 5000;
  await write(world.store, log, [['c', '1']]);
  expect(await world.compact()).toMatchObject([{ endOffset: 6, tombstonesRemoved: 0, unreadable }]);
  expect(() => log.read(1, { maxBytes: 1 })).toThrow(/t at offset 1: .*CRC.*damaged up to 2/);
  expect(consume(log, 2).map((line) => line.replaceAll('.', ''))).toEqual(['3:b=null', '4:a=3', '5:c=1']);
  expect(world.store.damage()).toMatchObject([{ partition: 't', baseOffset: 1, endOffset: 2 }]);
  await world.store.close();
});

test('what is trimmed, deleted or appended while a pass runs is as if it had not run', async () => {
  const world = await new CompactedStore().open(30_000);
  const { store } = world;
  const [log, gone] = [store.createPartition('t'), store.createPartition('gone')];
  const fill = async (times: number) => {
    for (let i = 0; i < times; i++) {
      await write(store, log, [[`k${i % 9}`, `${log.logEndOffset} ${'x'.repeat(700)}`]]);
      if (store.partition('gone')) await write(store, gone, [['g', 'x'.repeat(700)]]);
    }
  };
  await fill(100);
  const expected = consume(log).slice(-9);
  const compacting = world.compact({}, ['t', 'gone']);
  await new Promise((resolve) => setImmediate(resolve));
  store.deletePartition('gone');
  log.advanceLogStart(50);
  await fill(5);
  await compacting;
  expect(log.logStartOffset).toBe(50);
  expect(consume(log).slice(0, 4)).toEqual(expected.slice(0, 4));
  expect(log.logEndOffset).toBe(105);
  log.advanceLogStart(95);
  await world.compact();
  await store.clean({ deadShare: 0.1 });
  await store.close();
  await world.open(30_000);
  const again = world.store.partition('t')!;
  const offsets = consume(again).map((line) => Number.parseInt(line, 10));
  expect(offsets).toEqual([95, 96, 97, 98, 100, 101, 102, 103, 104]);
  expect(world.store.partition('gone')).toBeUndefined();
  await world.store.close();
});

test('partitions that are deleted or trimmed to their end before their turn comes stop no other', async () => {
  const world = await new CompactedStore().open(30_000);
  const { store } = world;
  const names = ['t', 'gone', 'trimmed', 'last'];
  const logs = names.map((name) => store.createPartition(name));
  for (let i = 0; i < 40; i++) {
    for (const log of logs) appendKeyed(log, [['k', `${i} ${'x'.repeat(700)}`]]);
    await store.flushed();
  }
  const compacting = world.compact({}, names);
  await new Promise((resolve) => setTimeout(resolve, 1));
  store.deletePartition('gone');
  logs[2]!.advanceLogStart(logs[2]!.logEndOffset);
  expect((await compacting).at(-1)).toMatchObject({ partition: 'last', recordsAfter: 1 });
  expect(await world.compact({}, ['t', 'trimmed', 'last'])).toEqual([]);
  expect(consume(logs[3]!).length).toBe(1);
  await store.close();
});

test('a store that closes during a pass has all it had', async () => {
  const world = await new CompactedStore().open(30_000);
  const log = world.store.createPartition('t');
  for (let i = 0; i < 100; i++) await write(world.store, log, [[`k${i % 9}`, 'x'.repeat(700)]]);
  const before = consume(log);
  const compacting = world.compact();
  await new Promise((resolve) => setImmediate(resolve));
  await world.store.close();
  expect(await compacting).toEqual([]);
  await world.open(30_000);
  expect(consume(world.store.partition('t')!)).toEqual(before);
  expect(readdirSync(join(world.dir, 'segments')).filter((name) => name.startsWith('compacted'))).toEqual([]);
  await world.store.close();
});

test('compacted segments alone are no store', async () => {
  const world = await new CompactedStore().open();
  const log = world.store.createPartition('t');
  await write(world.store, log, [['a', '1']]);
  await world.compact();
  await world.store.close();
  const segments = join(world.dir, 'segments');
  for (const name of readdirSync(segments)) if (!name.startsWith('compacted')) rmSync(join(segments, name));
  await expect(world.open()).rejects.toMatchObject({ code: 'DATA_DIR_INVALID' });
});

/** Calls `truncate` at a moment of the next pass over a log of 100 batches. */
type Moment = (partition: Partition, truncate: () => void) => void;

/** The count of truncations is looked at when a pass begins, and then before each batch, in two walks. */
function atLook(number: number): Moment {
  return (partition, truncate) => {
    let truncations = 0;
    let looks = 0;
    vi.spyOn(partition, 'truncations', 'get').mockImplementation(() => {
      if (++looks === number) {
        truncate();
        truncations++;
      }
      return truncations;
    });
  };
}

const whenCopyIsWhole: Moment = (partition, truncate) => {
  const replace = partition.replaceRanges.bind(partition);
  vi.spyOn(partition, 'replaceRanges').mockImplementationOnce((...fresh) => {
    truncate();
    return replace(...fresh);
  });
};

test.each([
  { when: 'while its keys are learnt', moment: atLook(50) },
  { when: 'while it is copied', moment: atLook(150) },
  { when: 'when its copy is whole', moment: whenCopyIsWhole },
  { when: 'before the second of two passes', moment: whenCopyIsWhole, mapBytesMax: 64 },
])(
  'a pass over what is truncated $when is as if it had not run, and the next one finds what is there',
  async ({ moment, mapBytesMax }) => {
    const world = await new CompactedStore().open(30_000);
    const { store } = world;
    const log = store.createPartition('t');
    const append = () =>
      appendKeyed(log, [[`k${log.logEndOffset % 30}`, `${log.logEndOffset} ${'x'.repeat(700)}`]]);
    for (let i = 0; i < 100; i++) {
      append();
      await store.flushed();
    }
    const before = consume(log);
    moment(log as Partition, () => {
      expect(log.truncate(60)).toBe(60);
      for (let i = 0; i < 5; i++) append();
    });
    expect(await world.compact({}, ['t'], mapBytesMax)).toEqual([]);
    expect(log.logEndOffset).toBe(65);
    vi.restoreAllMocks();
    await store.flushed();
    expect(consume(log).slice(0, 60)).toEqual(before.slice(0, 60));
    const [pass] = await world.compact();
    expect(pass).toMatchObject({ endOffset: 65, recordsBefore: 65, recordsAfter: 30 });
    await store.close();
  },
);

test('nothing at or above the bound of a policy is compacted', async () => {
  const world = await new CompactedStore().open();
  const log = world.store.createPartition('t');
  for (let i = 0; i < 40; i++) await write(world.store, log, [['k', `${i} ${'x'.repeat(9000)}`]]);
  const [pass] = await world.compact({ endOffset: 21 });
  expect(pass).toMatchObject({ endOffset: 21, recordsAfter: 1 });
  expect(consume(log).map((line) => Number.parseInt(line, 10))).toEqual(
    Array.from({ length: 20 }, (_, i) => 20 + i),
  );
  await world.store.close();
});
