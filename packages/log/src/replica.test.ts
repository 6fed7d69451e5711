import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emptyBatch, readBatchHeader } from '@edgelog/wire';
import { expect, test } from 'vitest';
import {
  decodeProducers,
  encodeProducers,
  openLogStore,
  type PartitionLog,
  StoredDamageError,
} from './index.ts';
import { makeBatch, makeReplicated, type TestBatch } from './test-batches.ts';
import { tempDir } from './test-dirs.ts';
import { digestOf } from './test-log-digest.ts';

const ALL = { maxBytes: 2 ** 30, withEmpty: true } as const;

function lead(log: PartitionLog, options: TestBatch = {}, leaderEpoch = 0): Buffer {
  const { batch, header } = makeBatch(options);
  expect(log.append(batch, header, { leaderEpoch, offsets: 'assign' }).ok).toBe(true);
  return batch;
}

function basesOf(batches: readonly Buffer[]): number[] {
  return batches.map((batch) => readBatchHeader(batch).baseOffset);
}

test('what a leader has is appended byte for byte in one call, with its epochs', async () => {
  const store = await openLogStore({ dir: tempDir(), now: () => 5000 });
  const [leader, follower] = [store.createPartition('leader'), store.createPartition('follower')];
  for (let epoch = 1; epoch < 5; epoch++)
    lead(leader, { count: epoch, producerId: 7, baseSequence: leader.logEndOffset }, epoch);
  await store.flushed();
  const fetched = leader.read(0, ALL).batches;
  const result = follower.appendReplicated(Buffer.concat(fetched));
  expect(result).toMatchObject({ ok: true, endOffset: 10, recordCount: 10, hasHoles: false });
  await store.flushed();
  expect(follower.read(0, ALL).batches).toEqual(fetched);
  expect(digestOf(follower)).toBe(digestOf(leader));
  expect(follower.leaderEpochs.endOffsetFor(2)).toEqual({ epoch: 2, endOffset: 3 });
  await store.close();
});

test('of what does not fit or is damaged nothing is appended', async () => {
  const store = await openLogStore({ dir: tempDir() });
  const log = store.createPartition('t');
  lead(log, { count: 4 });
  const good = makeReplicated(4, 0, [{ count: 2 }, { count: 2 }]);
  const bad = Buffer.from(good);
  bad[bad.length - 1]! ^= 1;
  expect(log.appendReplicated(bad)).toMatchObject({ ok: false, error: 'CORRUPT_MESSAGE' });
  expect(log.appendReplicated(good.subarray(0, -1))).toMatchObject({ ok: false, error: 'CORRUPT_MESSAGE' });
  for (const base of [0, 2, 3]) {
    const result = log.appendReplicated(makeReplicated(base, 0, [{ count: 3 }]));
    expect(result).toMatchObject({ ok: false, error: 'INVALID_RECORD' });
  }
  expect(log.logEndOffset).toBe(4);
  expect(log.appendReplicated(Buffer.alloc(0))).toMatchObject({ ok: true, endOffset: 4, recordCount: 0 });
  expect(log.appendReplicated(good)).toMatchObject({ ok: true, endOffset: 8 });
  await store.close();
});

test('where the leader compacted, the log stays dense: gaps are filled, and of an empty batch the rest is taken', async () => {
  const store = await openLogStore({ dir: tempDir() });
  const log = store.createPartition('t');
  lead(log, { count: 5 });
  const gap = log.appendReplicated(makeReplicated(8, 2, [{ count: 2 }]));
  expect(gap).toMatchObject({ ok: true, endOffset: 10, hasHoles: true, recordCount: 2 });
  const empty = Buffer.concat([emptyBatch(7, 14, 3), makeReplicated(14, 3, [{ count: 1 }])]);
  expect(log.appendReplicated(empty)).toMatchObject({ ok: true, endOffset: 15, hasHoles: true });
  await store.flushed();
  expect(basesOf(log.read(0, ALL).batches)).toEqual([0, 5, 8, 10, 14]);
  expect(basesOf(log.read(5, { maxBytes: 1000 }).batches)).toEqual([8, 10, 14]);
  expect(basesOf(log.read(5, { maxBytes: 1, withEmpty: true }).batches)).toEqual([5]);
  expect([4, 5, 8, 10].map((offset) => log.leaderEpochs.epochAt(offset))).toEqual([0, 2, 2, 3]);
  await store.close();
});

test('a replica that begins within a batch has that batch, and its start stays', async () => {
  const dir = tempDir();
  let store = await openLogStore({ dir });
  let log = store.createPartition('t');
  lead(log, { count: 9 });
  await store.flushed();
  log.startAnew({ startOffset: 50, producers: [], producersThrough: 0 });
  const result = log.appendReplicated(makeReplicated(40, 1, [{ count: 20 }, { count: 5 }]));
  expect(result).toMatchObject({ ok: true, endOffset: 65 });
  await store.close();
  store = await openLogStore({ dir });
  log = store.partition('t')!;
  expect([log.logStartOffset, log.logEndOffset]).toEqual([50, 65]);
  expect(basesOf(log.read(50, ALL).batches)).toEqual([40, 60]);
  expect(log.truncate(55)).toBe(50);
  expect(log.appendReplicated(makeReplicated(40, 2, [{ count: 20 }]))).toMatchObject({ ok: true });
  await store.flushed();
  expect(basesOf(log.read(50, ALL).batches)).toEqual([40]);
  await store.close();
});

test('a replica that began anew has the producers of its leader, and leaves them alone up to where they come from', async () => {
  const dir = tempDir();
  let store = await openLogStore({ dir });
  const leader = store.createPartition('leader');
  for (let i = 0; i < 8; i++) {
    lead(leader, { count: 2, producerId: 7 + (i % 2), baseSequence: 2 * (i >> 1) });
  }
  await store.flushed();
  const travelled = decodeProducers(encodeProducers(leader.producers()));
  expect(travelled).toEqual([...leader.producers()]);
  let follower = store.createPartition('follower');
  lead(follower, { producerId: 99 }, 4);
  follower.startAnew({ startOffset: 6, producers: travelled, producersThrough: 16 });
  expect(follower.leaderEpochs.latest).toBeUndefined();
  const fetched = leader.read(6, ALL).batches;
  expect(follower.appendReplicated(Buffer.concat(fetched.slice(0, 3))).ok).toBe(true);
  await store.close();

  store = await openLogStore({ dir });
  follower = store.partition('follower')!;
  expect(follower.producersThrough).toBe(16);
  expect([...follower.producers()]).toEqual(travelled);
  expect(() => follower.truncate(8)).toThrow("its producers are the leader's");
  expect(follower.appendReplicated(Buffer.concat(fetched.slice(3))).ok).toBe(true);
  expect(follower.producersThrough).toBe(0);
  const next = makeReplicated(16, 0, [{ count: 3, producerId: 7, producerEpoch: 0, baseSequence: 8 }]);
  expect(follower.appendReplicated(next).ok).toBe(true);
  expect(follower.producer(7)).toMatchObject({ nextSequence: 11, recordCount: 11 });
  expect(follower.producer(7)!.batches).toHaveLength(5);
  await store.close();
});

test('producers that are adopted late are told of what came since', async () => {
  const store = await openLogStore({ dir: tempDir(), now: () => 5000 });
  const [leader, follower] = [store.createPartition('leader'), store.createPartition('follower')];
  const write = (baseSequence: number) => {
    lead(leader, { count: 2, producerId: 7, baseSequence });
    follower.appendReplicated(
      makeReplicated(leader.logEndOffset - 2, 0, [{ count: 2, producerId: 7, baseSequence }]),
    );
  };
  for (const sequence of [0, 2, 4]) write(sequence);
  const early = decodeProducers(encodeProducers(leader.producers()));
  await store.flushed();
  for (const sequence of [6, 8]) write(sequence);
  follower.adoptProducers(early, 6);
  expect([...follower.producers()]).toEqual([...leader.producers()]);
  expect(follower.producersThrough).toBe(0);
  await store.close();
});

test('a snapshot of producers that was cut short or is another version is refused', () => {
  const store = encodeProducers([
    { producerId: 5, producerEpoch: 1, nextSequence: 9, recordCount: 9, lastAppendTime: 3, batches: [] },
  ]);
  for (let length = 0; length < store.length; length++) {
    expect(() => decodeProducers(store.subarray(0, length))).toThrow('producer snapshot');
  }
  expect(() => decodeProducers(Buffer.concat([store, Buffer.of(0)]))).toThrow('1 bytes too many');
  expect(() => decodeProducers(Buffer.concat([Buffer.of(9), store.subarray(1)]))).toThrow('version 9');
});

test('what was found damaged is mended by truncation and fetching it again', async () => {
  const dir = tempDir();
  let store = await openLogStore({ dir });
  let log = store.createPartition('t');
  const batches = Array.from({ length: 6 }, () => lead(log, { count: 2, valueBytes: 400 }));
  await store.flushed();
  await store.close();
  const path = join(dir, 'segments/000000000001.mdb');
  const file = readFileSync(path);
  file[file.indexOf(batches[3]!) + 100]! ^= 4;
  writeFileSync(path, file);

  store = await openLogStore({ dir });
  log = store.partition('t')!;
  expect(() => log.read(6, ALL)).toThrow(StoredDamageError);
  expect(store.damage()).toMatchObject([{ baseOffset: 6, endOffset: 8 }]);
  expect(log.truncate(store.damage()[0]!.baseOffset)).toBe(6);
  expect(store.damage()).toEqual([]);
  expect(log.appendReplicated(Buffer.concat(batches.slice(3)))).toMatchObject({ ok: true, endOffset: 12 });
  await store.flushed();
  expect(log.read(0, ALL).batches).toEqual(batches);
  await store.clean({ deadShare: 0.01 });
  await store.close();
  store = await openLogStore({ dir });
  expect(store.partition('t')!.read(0, ALL).batches).toEqual(batches);
  await store.close();
});

test('where no other segment can be begun a truncation is an error, and the log is as it was', async () => {
  const dir = tempDir();
  const store = await openLogStore({ dir });
  const log = store.createPartition('t');
  for (let i = 0; i < 3; i++) lead(log, { producerId: 7, baseSequence: i });
  await store.flushed();
  const before = digestOf(log);
  const next = join(dir, 'segments/000000000002.mdb.new');
  mkdirSync(next);
  expect(() => log.truncate(1)).toThrow();
  expect(digestOf(log)).toBe(before);
  rmSync(next, { recursive: true });
  expect(log.truncate(1)).toBe(1);
  expect(log.producer(7)).toMatchObject({ nextSequence: 1, recordCount: 1 });
  await store.close();
});

test('what a leader has not flushed is read only by who asks for it, and ends at the bound', async () => {
  const store = await openLogStore({ dir: tempDir() });
  const log = store.createPartition('t');
  const flushed = lead(log, { count: 2 });
  await store.flushed();
  const fresh = [lead(log, { count: 2 }), lead(log, { count: 2 })];
  expect(log.read(0, ALL).batches).toEqual([flushed]);
  expect(log.read(0, { ...ALL, unflushed: true }).batches).toEqual([flushed, ...fresh]);
  expect(log.read(3, { ...ALL, unflushed: true, endOffset: 4 }).batches).toEqual(fresh.slice(0, 1));
  expect(log.read(4, { maxBytes: 1, unflushed: true }).batches).toEqual(fresh.slice(1));
  expect(log.read(0, { maxBytes: flushed.length + 1, unflushed: true }).batches).toEqual([flushed]);
  await store.close();
});

test('whatever is truncated in one turn costs one segment, and what no commit has yet costs none', async () => {
  const store = await openLogStore({ dir: tempDir() });
  const logs = Array.from({ length: 20 }, (_, i) => store.createPartition(`t-${i}`));
  for (const log of logs) for (let i = 0; i < 5; i++) lead(log);
  await store.flushed();
  for (const log of logs) {
    lead(log);
    log.truncate(5);
  }
  await store.flushed();
  expect(store.stats().segments).toBe(1);
  for (const [i, log] of logs.entries()) log.truncate(i % 5);
  for (const log of logs) lead(log);
  await store.flushed();
  expect(store.stats().segments).toBe(2);
  expect(logs.map((log) => log.flushedEndOffset)).toEqual(logs.map((_, i) => (i % 5) + 1));
  await store.close();
});

test('what is truncated on its way to the disk is not told to be there when it arrives', async () => {
  const store = await openLogStore({ dir: tempDir() });
  const log = store.createPartition('t');
  for (let i = 0; i < 4; i++) lead(log);
  await new Promise((resolve) => setImmediate(resolve));
  expect(log.flushedEndOffset).toBe(0);
  expect(log.truncate(2)).toBe(2);
  await store.flushed();
  expect(log.flushedEndOffset).toBe(2);
  await store.close();
});

test('a log that begins anew in the turn in which it forgot a producer leaves no row of it behind', async () => {
  const dir = tempDir();
  let store = await openLogStore({ dir });
  const log = store.createPartition('t');
  for (const producerId of [7, 8]) lead(log, { producerId, baseSequence: 0 });
  await store.flushed();
  log.adoptProducers([], log.logEndOffset);
  log.startAnew({ startOffset: 5, producers: [], producersThrough: 0 });
  await store.close();
  store = await openLogStore({ dir });
  expect([...store.partition('t')!.producers()]).toEqual([]);
  await store.close();
});
