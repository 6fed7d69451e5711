import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as lmdb from 'lmdb';
import { describe, expect, test } from 'vitest';
import { type LogStore, openLogStore, type PartitionLog } from './index.ts';
import { makeBatch, RESERVED_PID } from './test-batches.ts';
import { tempDir } from './test-dirs.ts';

const SEGMENT_BYTES = 20_000;
const ASSIGN = { leaderEpoch: 0, offsets: 'assign' } as const;

function segmentFiles(dir: string): string[] {
  return readdirSync(join(dir, 'segments'))
    .filter((name) => name.endsWith('.mdb'))
    .sort();
}

/** Segments that this process has open. */
function openSegments(dir: string): Set<string> {
  const open = new Set<string>();
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      if (path.startsWith(dir) && /\.mdb(\.new)?$/.test(path)) open.add(path);
    } catch {
      // The descriptor of this very listing.
    }
  }
  return open;
}

/** Appends batches of about 1 KB, one commit each, until the store has `segments` segments. */
async function fill(store: LogStore, logs: PartitionLog[], segments: number): Promise<void> {
  for (let i = 0; store.stats().segments < segments; i++) {
    for (const log of logs) {
      const { batch, header } = makeBatch({ valueBytes: 1000, producerId: -1, timestamp: 1000 + i });
      expect(log.append(batch, header, ASSIGN).ok).toBe(true);
    }
    await store.flushed();
  }
}

/** Reads from `offset` to the end and checks that offsets are dense. */
function readAll(log: PartitionLog, offset = log.logStartOffset): number {
  let next = offset;
  while (next < log.flushedEndOffset) {
    const { batches } = log.read(next, { maxBytes: 5000 });
    for (const batch of batches) {
      expect(Number(batch.readBigInt64BE(0))).toBe(next);
      next++;
    }
  }
  return next;
}

describe('segments', () => {
  test('roll, are read across, and survive a reopen with all state', async () => {
    const dir = tempDir();
    let store = await openLogStore({ dir, segmentBytes: SEGMENT_BYTES });
    const quiet = store.createPartition('quiet');
    const { batch, header } = makeBatch({ producerId: RESERVED_PID });
    quiet.append(batch, header, ASSIGN);
    const edge = store.createPartition('edge');
    await edge.stage({ baseOffset: 0, recordCount: 4, bytes: Buffer.from('tail') });
    store.state.put('cursor', Buffer.from('1'));
    const busy = store.createPartition('busy');
    await fill(store, [busy], 14);
    const end = busy.logEndOffset;
    expect(readAll(busy)).toBe(end);
    const size = busy.sizeBytesFrom(0);
    expect(size).toBe(store.stats().appendedBytes - batch.length);
    await store.close();
    expect(segmentFiles(dir)).toHaveLength(14);

    store = await openLogStore({ dir, segmentBytes: SEGMENT_BYTES });
    const again = store.partition('busy')!;
    expect([again.logEndOffset, readAll(again), again.sizeBytesFrom(0)]).toEqual([end, end, size]);
    expect(again.offsetForTimestamp(1000 + end - 1)).toEqual({ offset: end - 1, timestamp: 1000 + end - 1 });
    expect(again.offsetForTimestamp(1000 + 30)).toEqual({ offset: 30, timestamp: 1030 });
    expect(again.batchEndingAt(30)).toMatchObject({ baseOffset: 30 });
    expect(store.partition('quiet')!.read(0, { maxBytes: 1 }).batches).toHaveLength(1);
    expect(store.partition('quiet')!.producer(RESERVED_PID)).toMatchObject({ recordCount: 1 });
    expect(store.partition('edge')!.tail()).toMatchObject([{ baseOffset: 0, recordCount: 4 }]);
    expect(store.state.get('cursor')).toEqual(Buffer.from('1'));
    await store.close();
  });

  test('in which nothing lives are unlinked; one with anything live stays', async () => {
    const dir = tempDir();
    const store = await openLogStore({ dir, segmentBytes: SEGMENT_BYTES });
    const [a, b] = [store.createPartition('a'), store.createPartition('b')];
    await fill(store, [a, b], 5);
    a.advanceLogStart(a.logEndOffset);
    await store.flushed();
    expect(store.stats().segments).toBe(5);
    b.advanceLogStart(b.logEndOffset - 1);
    await store.flushed();
    await expect.poll(() => segmentFiles(dir).length).toBeLessThanOrEqual(2);
    await expect.poll(() => segmentFiles(dir).length).toBe(store.stats().segments);
    expect(readAll(b)).toBe(b.logEndOffset);
    expect(() => b.read(0, { maxBytes: 1 })).toThrow(/outside/);
    store.deletePartition('b');
    await fill(store, [a], 3);
    expect(readAll(a)).toBe(a.logEndOffset);
    await store.close();
  });

  test('that a crash left half made are removed, and the last whole one is taken', async () => {
    const dir = tempDir();
    let store = await openLogStore({ dir, segmentBytes: SEGMENT_BYTES });
    const log = store.createPartition('t');
    await fill(store, [log], 3);
    const end = log.logEndOffset;
    await store.close();
    writeFileSync(join(dir, 'segments/000000000004.mdb.new'), 'half a segment');
    writeFileSync(join(dir, 'segments/000000000004.mdb.new-lock'), '');
    store = await openLogStore({ dir, segmentBytes: SEGMENT_BYTES });
    expect(readdirSync(join(dir, 'segments')).filter((name) => name.includes('.new'))).toEqual([]);
    expect(readAll(store.partition('t')!)).toBe(end);
    await store.close();
  });

  test.runIf(process.platform === 'linux')(
    'that nobody reads are closed when many newer ones follow',
    async () => {
      const dir = tempDir();
      const store = await openLogStore({ dir, segmentBytes: SEGMENT_BYTES });
      const log = store.createPartition('t');
      await fill(store, [log], 20);
      await expect.poll(() => openSegments(dir).size).toBeLessThanOrEqual(10);
      expect(readAll(log)).toBe(log.logEndOffset);
      await store.close();
    },
  );

  test('that are closed are let go of by lmdb-js as well', async () => {
    const { allDbs } = lmdb as unknown as { allDbs: Map<string, object> };
    const before = allDbs.size;
    const store = await openLogStore({ dir: tempDir(), segmentBytes: SEGMENT_BYTES });
    const log = store.createPartition('t');
    await fill(store, [log], 4);
    log.advanceLogStart(log.logEndOffset);
    await store.flushed();
    await store.close();
    expect(allDbs.size).toBe(before);
  });

  test('count with all their bytes, though they were rolled before they were written', async () => {
    const dir = tempDir();
    const store = await openLogStore({ dir, segmentBytes: SEGMENT_BYTES });
    const log = store.createPartition('t');
    for (let i = 0; i < 30; i++) {
      const { batch, header } = makeBatch({ valueBytes: 500_000 });
      expect(log.append(batch, header, ASSIGN).ok).toBe(true);
      await delay(5);
    }
    await store.flushed();
    const onDisk = segmentFiles(dir).map((name) => statSync(join(dir, 'segments', name)).blocks * 512);
    expect(onDisk.length).toBeGreaterThan(3);
    expect(store.stats().physicalBytes).toBe(onDisk.reduce((sum, bytes) => sum + bytes, 0));
    await store.close();
  });

  test('whose last commit is under way are not taken for damaged, however many others are read meanwhile', async () => {
    const damage: string[] = [];
    const store = await openLogStore({
      dir: tempDir(),
      segmentBytes: SEGMENT_BYTES,
      onDamage: ({ reason }) => damage.push(reason),
    });
    const log = store.createPartition('t');
    await fill(store, [log], 12);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const append = (valueBytes: number) => {
      const { batch, header } = makeBatch({ valueBytes });
      expect(log.append(batch, header, ASSIGN).ok).toBe(true);
    };
    for (let round = 0; round < 4; round++) {
      append(0.8 * SEGMENT_BYTES);
      await store.flushed();
      const { segments } = store.stats();
      const last = log.logEndOffset;
      append(4_000_000);
      while (store.stats().segments === segments) {
        await turn();
        append(10);
      }
      const step = Math.floor(log.flushedEndOffset / 12);
      for (let at = 0; at < log.flushedEndOffset; at += step) log.read(at, { maxBytes: 1 });
      log.read(log.flushedEndOffset - 1, { maxBytes: 1 });
      await store.flushed();
      expect(readAll(log, last)).toBe(log.logEndOffset);
    }
    expect(damage).toEqual([]);
    await store.close();
  });

  test.runIf(process.platform === 'linux').each([0, 2 ** 20])(
    'that are full are not mapped any more, and can be read (journal of %i bytes)',
    async (journalBytes) => {
      const dir = tempDir();
      const store = await openLogStore({ dir, segmentBytes: SEGMENT_BYTES, journalBytes });
      const log = store.createPartition('t');
      await fill(store, [log], 6);
      expect(readAll(log)).toBe(log.logEndOffset);
      const mapped = new Set(readFileSync('/proc/self/maps', 'utf8').match(/\S+\.mdb(\.new)?$/gm));
      const full = segmentFiles(dir).slice(0, -1);
      expect(full.filter((name) => mapped.has(join(dir, 'segments', name)))).toEqual([]);
      expect(mapped.has(join(dir, 'segments', segmentFiles(dir).at(-1)!))).toBe(true);
      await store.close();
    },
  );

  test('that went missing are named', async () => {
    const dir = tempDir();
    const store = await openLogStore({ dir, segmentBytes: SEGMENT_BYTES });
    await fill(store, [store.createPartition('t')], 3);
    await store.close();
    renameSync(join(dir, 'segments/000000000002.mdb'), join(dir, 'elsewhere'));
    await expect(openLogStore({ dir })).rejects.toMatchObject({
      code: 'DATA_DIR_INVALID',
      message: expect.stringContaining('000000000002.mdb'),
    });
    renameSync(join(dir, 'elsewhere'), join(dir, 'segments/000000000002.mdb'));
    await (await openLogStore({ dir })).close();
  });
});

describe('a data directory', () => {
  test('that holds something else is refused by name', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'photos.zip'), '');
    await expect(openLogStore({ dir })).rejects.toMatchObject({
      code: 'DATA_DIR_INVALID',
      message: expect.stringContaining('photos.zip'),
    });
    const other = tempDir();
    mkdirSync(join(other, 'segments'));
    writeFileSync(join(other, 'segments/000000000001.mdb'), 'not a database at all, but some text');
    await expect(openLogStore({ dir: other })).rejects.toMatchObject({ code: 'DATA_DIR_INVALID' });
    expect(existsSync(join(other, 'segments/000000000001.mdb'))).toBe(true);
  });

  test('that is a file is refused', async () => {
    const file = join(tempDir(), 'file');
    writeFileSync(file, '');
    await expect(openLogStore({ dir: file })).rejects.toMatchObject({ code: 'DATA_DIR_INVALID' });
  });

  test('is free again after a failed open', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'segments'));
    writeFileSync(join(dir, 'segments/notes.txt'), '');
    await expect(openLogStore({ dir })).rejects.toMatchObject({ code: 'DATA_DIR_INVALID' });
    renameSync(join(dir, 'segments/notes.txt'), join(dir, 'notes.txt'));
    await (await openLogStore({ dir })).close();
  });
});
