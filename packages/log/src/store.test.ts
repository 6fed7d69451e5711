import { BATCH_HEADER_BYTES, type BatchHeader, crc32c, readBatchHeader } from '@edgelog/wire';
import { describe, expect, test } from 'vitest';
import { type AppendOptions, type AppendResult, openLogStore, type PartitionLog } from './index.ts';
import { makeBatch, RESERVED_PID, type TestBatchParts } from './test-batches.ts';
import { tempDir } from './test-dirs.ts';

const ASSIGN = { leaderEpoch: 3, offsets: 'assign' } as const;

describe('a log store', () => {
  test('reads back what was flushed, after a reopen too', async () => {
    const dir = tempDir();
    let store = await openLogStore({ dir });
    let log = store.createPartition('t-0');
    const { batch, header } = makeBatch({ count: 3, producerId: RESERVED_PID });
    const result = log.append(batch, header, ASSIGN);
    expect(result).toMatchObject({ ok: true, baseOffset: 0, lastOffset: 2, duplicate: false });
    expect(log.flushedEndOffset).toBe(0);
    expect(log.read(0, { maxBytes: 1000 }).batches).toEqual([]);
    if (result.ok) await result.flushed;
    expect(log.flushedEndOffset).toBe(3);
    expect(log.read(1, { maxBytes: 1000 }).batches).toEqual([batch]);
    store.state.put('k', Buffer.from('v'));
    await store.close();

    store = await openLogStore({ dir });
    log = store.partition('t-0')!;
    expect(log.flushedEndOffset).toBe(3);
    expect(log.read(0, { maxBytes: 1000 }).batches).toEqual([batch]);
    expect(readBatchHeader(batch).partitionLeaderEpoch).toBe(3);
    expect(log.leaderEpochs.latest).toBe(3);
    expect(log.producer(RESERVED_PID)).toMatchObject({ nextSequence: 3, recordCount: 3 });
    expect(store.state.get('k')).toEqual(Buffer.from('v'));
    await store.close();
  });

  test('keeps the open tail over a reopen and seals it in one go', async () => {
    const dir = tempDir();
    let store = await openLogStore({ dir });
    let log = store.createPartition('edge', 10);
    const first = log.stage({ baseOffset: 10, recordCount: 2, bytes: Buffer.from('ab') });
    await log.stage({ baseOffset: 12, recordCount: 1, bytes: Buffer.from('c') });
    await first;
    expect([log.logEndOffset, log.tailEndOffset]).toEqual([10, 13]);
    await store.close();

    store = await openLogStore({ dir });
    log = store.partition('edge')!;
    expect(log.tail().map((chunk) => chunk.bytes.toString())).toEqual(['ab', 'c']);
    const { batch, header } = makeBatch({ baseOffset: 10, count: 2, producerId: RESERVED_PID });
    expect(log.seal(batch, header)).toMatchObject({ ok: true, baseOffset: 10 });
    await store.close();

    store = await openLogStore({ dir });
    log = store.partition('edge')!;
    expect(log.tail()).toMatchObject([{ baseOffset: 12, recordCount: 1 }]);
    expect([log.logEndOffset, log.tailEndOffset]).toEqual([12, 13]);
    expect(log.read(10, { maxBytes: 1 }).batches).toEqual([batch]);
    await store.close();
  });

  test('refuses batches that break the rules of their kind, by name, and keeps nothing of them', async () => {
    const store = await openLogStore({ dir: tempDir() });
    const log = store.createPartition('t');
    const refuse = (patch: Partial<BatchHeader>, error: string, options: AppendOptions = ASSIGN) => {
      const { batch, header } = makeBatch({ count: 2, producerId: 7 });
      expect(log.append(batch, { ...header, ...patch }, options)).toMatchObject({ ok: false, error });
    };
    refuse({ recordCount: 3 }, 'INVALID_RECORD');
    const most = 2 ** 31 - 1; // no client could read past it, and a few million of them would use up all offsets
    refuse({ recordCount: most, lastOffsetDelta: most - 1 }, 'INVALID_RECORD');
    refuse({ recordCount: most, lastOffsetDelta: most - 1, compression: 'zstd' }, 'INVALID_RECORD');
    refuse({ isControl: true }, 'INVALID_RECORD');
    refuse({ baseSequence: -1 }, 'INVALID_RECORD');
    refuse({ sizeBytes: 90 }, 'INVALID_RECORD');
    refuse({ baseOffset: 5, lastOffset: 6 }, 'INVALID_RECORD', { leaderEpoch: 0, offsets: 'verbatim' });
    refuse({ crc: 1 }, 'CORRUPT_MESSAGE');
    expect([log.logEndOffset, store.stats().appendedBytes, log.producer(7)]).toEqual([0, 0, undefined]);
    await store.close();
  });

  test('answers a repeat with the original offsets once the original is on disk', async () => {
    const store = await openLogStore({ dir: tempDir() });
    const log = store.createPartition('t', 100);
    const first = append(log, makeBatch({ producerId: 7, count: 2 }));
    const repeat = append(log, makeBatch({ producerId: 7, count: 2 }));
    expect(repeat).toMatchObject({ duplicate: true, baseOffset: 100, lastOffset: 101 });
    expect(log.logEndOffset).toBe(102);
    await repeat.flushed;
    expect(log.flushedEndOffset).toBe(102);
    await first.flushed;
    await store.close();
  });

  test('counts pending bytes exactly and sizes to the stored value', async () => {
    const store = await openLogStore({ dir: tempDir() });
    const log = store.createPartition('t');
    const batches = Array.from({ length: 5 }, () => makeBatch({ valueBytes: 500 }));
    const size = batches[0]!.batch.length;
    for (const batch of batches) append(log, batch);
    expect(store.stats().pendingBytes).toBe(5 * size);
    expect([log.sizeBytesFrom(0), log.sizeBytesFrom(3), log.sizeBytesFrom(9)]).toEqual([
      5 * size,
      2 * size,
      0,
    ]);
    await store.flushed();
    expect(store.stats()).toMatchObject({ pendingBytes: 0, appendedBytes: 5 * size });
    expect(log.sizeBytesFrom(3)).toBe(5 * size); // the five met in one stored value
    append(log, makeBatch({ valueBytes: 500 }));
    await store.flushed();
    expect(log.sizeBytesFrom(5)).toBe(size);
    await store.close();
  });

  test('commits what one turn enqueued in one transaction', async () => {
    const store = await openLogStore({ dir: tempDir() });
    const log = store.createPartition('t');
    await store.flushed();
    const before = store.stats().commits;
    for (let i = 0; i < 100; i++) append(log, makeBatch());
    store.state.put('cursor', Buffer.from('100'));
    await store.flushed();
    expect(store.stats().commits).toBe(before + 1);
    await store.close();
  });

  test('finds the first record at or after a timestamp, whatever the order of timestamps', async () => {
    const store = await openLogStore({ dir: tempDir() });
    const log = store.createPartition('t');
    for (const timestamp of [500, 100, 900, 300, 1000]) {
      await append(log, makeBatch({ timestamp, count: 3 })).flushed;
    }
    expect(log.offsetForTimestamp(0)).toEqual({ offset: 0, timestamp: 500 });
    expect(log.offsetForTimestamp(502)).toEqual({ offset: 2, timestamp: 502 });
    expect(log.offsetForTimestamp(503)).toEqual({ offset: 6, timestamp: 900 });
    expect(log.offsetForTimestamp(903)).toEqual({ offset: 12, timestamp: 1000 });
    expect(log.offsetForTimestamp(1003)).toBeUndefined();
    expect(log.offsetForTimestamp(903)).toEqual({ offset: 12, timestamp: 1000 });
    await append(log, makeBatch({ timestamp: 2000 })).flushed;
    expect(log.offsetForTimestamp(1003)).toEqual({ offset: 15, timestamp: 2000 });
    log.advanceLogStart(7);
    expect(log.offsetForTimestamp(0)).toEqual({ offset: 7, timestamp: 901 });
    log.advanceLogStart(9);
    expect(log.offsetForTimestamp(600)).toEqual({ offset: 12, timestamp: 1000 });
    await store.close();
  });

  test('answers a time with the batch itself where its records lie or cannot be read', async () => {
    const store = await openLogStore({ dir: tempDir() });
    const log = store.createPartition('t');
    const add = (timestamp: number, spoil: (batch: Buffer) => void) => {
      const { batch } = makeBatch({ count: 2, timestamp });
      spoil(batch);
      batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
      expect(log.append(batch, readBatchHeader(batch), { ...ASSIGN, checkCrc: false }).ok).toBe(true);
    };
    add(100, () => {});
    add(200, (batch) => batch.fill(0xff, BATCH_HEADER_BYTES));
    add(300, (batch) => batch.writeBigInt64BE(5000n, 35));
    add(400, () => {});
    await store.flushed();
    expect(log.offsetForTimestamp(101)).toEqual({ offset: 1, timestamp: 101 });
    expect(log.offsetForTimestamp(150)).toEqual({ offset: 2, timestamp: 201 });
    expect(log.offsetForTimestamp(301)).toEqual({ offset: 5, timestamp: 301 });
    expect(log.offsetForTimestamp(400)).toEqual({ offset: 4, timestamp: 5000 });
    log.advanceLogStart(3);
    expect(log.offsetForTimestamp(150)).toEqual({ offset: 3, timestamp: 201 });
    log.advanceLogStart(5);
    expect(log.offsetForTimestamp(400)).toEqual({ offset: 6, timestamp: 400 });
    await store.close();
  });

  test('a position outside the log is an error that names the bounds', async () => {
    const store = await openLogStore({ dir: tempDir() });
    const log = store.createPartition('t', 5);
    expect(() => log.read(4, { maxBytes: 1 })).toThrow(/offset 4 of t is outside \[5, 5\]/);
    expect(log.read(5, { maxBytes: 1 }).batches).toEqual([]);
    await store.close();
    expect(() => log.append(...appendArguments(makeBatch()))).toThrow(/closed/);
  });

  test('what is refused because the store is closing is not in the last commit either', async () => {
    const dir = tempDir();
    let store = await openLogStore({ dir });
    const log = store.createPartition('t');
    const edge = store.createPartition('edge');
    append(log, makeBatch({ producerId: 7 }));
    void edge.stage({ baseOffset: 0, recordCount: 1, bytes: Buffer.from('a') });
    const closing = store.close();
    const late = makeBatch({ producerId: 7, baseSequence: 1 });
    expect(() => append(log, late)).toThrow(/closed/);
    late.batch.fill(0); // it is the caller's again
    expect(() => edge.stage({ baseOffset: 1, recordCount: 1, bytes: Buffer.from('b') })).toThrow(/closed/);
    expect(() => log.advanceLogStart(1)).toThrow(/closed/);
    await closing;
    store = await openLogStore({ dir });
    const again = store.partition('t')!;
    expect([again.logStartOffset, again.logEndOffset]).toEqual([0, 1]);
    expect(again.producer(7)).toMatchObject({ nextSequence: 1 });
    expect(store.partition('edge')!.tailEndOffset).toBe(1);
    await store.close();
  });

  test('a deleted partition is gone after a reopen, and its name starts anew', async () => {
    const dir = tempDir();
    let store = await openLogStore({ dir });
    append(store.createPartition('t'), makeBatch({ producerId: 7 }));
    await store.flushed();
    store.deletePartition('t');
    expect(store.partition('t')).toBeUndefined();
    expect(store.createPartition('t').logEndOffset).toBe(0);
    await store.close();
    store = await openLogStore({ dir });
    expect(store.partition('t')).toMatchObject({ logEndOffset: 0, flushedEndOffset: 0 });
    expect(store.partition('t')!.producer(7)).toBeUndefined();
    await store.close();
  });
});

function appendArguments({ batch, header }: TestBatchParts): [Buffer, BatchHeader, AppendOptions] {
  return [batch, header, ASSIGN];
}

function append(log: PartitionLog, parts: TestBatchParts): Extract<AppendResult, { ok: true }> {
  const result = log.append(...appendArguments(parts));
  if (!result.ok) throw new Error(result.message);
  return result;
}
