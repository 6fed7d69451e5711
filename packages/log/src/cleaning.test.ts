import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type LogStore, openLogStore, type PartitionLog } from './index.ts';
import { valueKey } from './keys.ts';
import { Segment } from './segment.ts';
import { makeBatch } from './test-batches.ts';
import { tempDir } from './test-dirs.ts';

const SEGMENT_BYTES = 200_000;
const VALUE_BYTES = 10_000;
const HALF = { deadShare: 0.5 };

function open(dir: string): Promise<LogStore> {
  return openLogStore({ dir, segmentBytes: SEGMENT_BYTES });
}

function files(dir: string): string[] {
  return readdirSync(join(dir, 'segments'))
    .filter((name) => !name.endsWith('-lock'))
    .sort();
}

/** `times` batches of 10 KB, one commit each; where there are several logs the first gets one of ten. */
async function append(store: LogStore, times: number, ...logs: [PartitionLog, ...PartitionLog[]]) {
  for (let i = 0; i < times; i++) {
    const log = i % 10 === 0 ? logs[0] : logs.at(-1)!;
    const { batch, header } = makeBatch({ valueBytes: VALUE_BYTES, timestamp: 1000 + i });
    expect(log.append(batch, header, { leaderEpoch: 0, offsets: 'assign' }).ok).toBe(true);
    await store.flushed();
  }
}

function readAll(log: PartitionLog): Buffer[] {
  return log.read(log.logStartOffset, { maxBytes: 2 ** 30 }).batches;
}

/** A store with a log that is kept for ever and one whose records, nine in ten of all, are dead. */
async function mostlyDead(dir: string) {
  const store = await open(dir);
  const [kept, short] = [store.createPartition('kept'), store.createPartition('short')];
  await append(store, 100, kept, short);
  const batches = readAll(kept);
  short.advanceLogStart(short.logEndOffset);
  await store.flushed();
  return { store, kept, short, batches };
}

describe('a segment that is mostly dead', () => {
  test('is copied without what is dead, and the disk is free', async () => {
    const dir = tempDir();
    const { store, kept, batches } = await mostlyDead(dir);
    const before = store.stats();
    expect(before.deadBytes / (before.liveBytes + before.deadBytes)).toBeCloseTo(0.9, 1);
    const cleaned = await store.clean(HALF);
    expect(cleaned.length).toBeGreaterThanOrEqual(before.segments - 1); // all but perhaps the active one
    const after = store.stats();
    expect(after.liveBytes).toBe(before.liveBytes);
    expect(after.deadBytes).toBeLessThan(SEGMENT_BYTES / 2);
    expect(after.physicalBytes).toBeLessThan(before.physicalBytes / 2);
    expect(readAll(kept)).toEqual(batches);
    expect(kept.offsetForTimestamp(1010)).toEqual({ offset: 1, timestamp: 1010 });
    expect(await store.clean(HALF)).toEqual([]);
    await store.close();

    const again = await open(dir);
    expect(readAll(again.partition('kept')!)).toEqual(batches);
    expect(again.stats()).toMatchObject({ liveBytes: after.liveBytes, deadBytes: after.deadBytes });
    again.partition('kept')!.advanceLogStart(7);
    await again.clean({ deadShare: 0.3 });
    expect(readAll(again.partition('kept')!)).toEqual(batches.slice(7));
    await again.flushed();
    await expect.poll(() => files(dir).length).toBe(again.stats().segments);
    await again.close();
  });

  test('is left alone while less than the share is dead', async () => {
    const store = await open(tempDir());
    const [kept, short] = [store.createPartition('kept'), store.createPartition('short')];
    await append(store, 100, kept, short);
    short.advanceLogStart(Math.floor(short.logEndOffset / 100));
    expect(await store.clean(HALF)).toEqual([]);
    await store.close();
  });

  test('is freed though it is the active one and far from full, once', async () => {
    const store = await open(tempDir());
    const log = store.createPartition('quiet');
    await append(store, 10, log);
    log.advanceLogStart(9);
    const before = store.stats();
    expect(before.segments).toBe(1);
    expect(await store.clean(HALF)).toMatchObject([{ segment: 1 }]);
    expect(store.stats().physicalBytes).toBeLessThan(before.physicalBytes);
    expect(readAll(log)).toHaveLength(1);
    log.advanceLogStart(10);
    await store.flushed();
    await store.clean(HALF);
    expect(store.stats()).toMatchObject({ segments: 1, liveBytes: 0, deadBytes: 0 });
    expect(await store.clean(HALF)).toEqual([]);
    await append(store, 3, log);
    expect(readAll(log)).toHaveLength(3);
    await store.close();
  });

  test('is cleaned while others append and trim, and when it dies meanwhile nothing of it stays', async () => {
    const dir = tempDir();
    const { store, kept, short, batches } = await mostlyDead(dir);
    const cleaning = store.clean(HALF);
    await append(store, 30, short);
    kept.advanceLogStart(kept.logEndOffset - 1);
    await append(store, 30, short);
    await cleaning;
    expect(readAll(kept)).toEqual(batches.slice(-1));
    store.deletePartition('kept');
    short.advanceLogStart(short.logEndOffset);
    await store.clean(HALF);
    await expect.poll(() => files(dir).length).toBe(1);
    await store.close();
  });

  test('stays as it was when the store closes in the middle', async () => {
    const dir = tempDir();
    const { store, batches } = await mostlyDead(dir);
    const cleaning = store.clean(HALF);
    await store.close();
    await cleaning;
    const again = await open(dir);
    expect(readAll(again.partition('kept')!)).toEqual(batches);
    expect(files(dir)).toHaveLength(again.stats().segments);
    await again.close();
  });

  test('that cannot be read through is reported once and kept, and the others are cleaned', async () => {
    const dir = tempDir();
    const { store, kept } = await mostlyDead(dir);
    await store.close();
    const path = join(dir, 'segments/000000000002.mdb');
    const damaged = Segment.openForWrite(2, path, { flush: true, mapBytes: 2 ** 24 });
    await damaged.write([[valueKey(1, damaged.first(1)!), undefined]]);
    await damaged.close();
    const again = await open(dir);
    const failed = (await again.clean(HALF)).filter((one) => 'error' in one);
    expect(failed).toMatchObject([{ segment: 2, error: { code: 'CORRUPT_BATCH' } }]);
    expect(await again.clean(HALF)).toEqual([]);
    expect(files(dir)).toContain('000000000002.mdb');
    expect(again.partition('kept')!.read(kept.logEndOffset - 1, { maxBytes: 1 }).batches).toHaveLength(1);
    await again.close();
  });
});

describe('a crash around the swap', () => {
  test('leaves a copy that was not meant yet, or the old file that is not meant any more: the open removes it', async () => {
    const dir = tempDir();
    const { store, batches } = await mostlyDead(dir);
    await store.close();
    const at = (name: string) => join(dir, 'segments', name);
    copyFileSync(at('000000000001.mdb'), at('000000000001-1.mdb'));
    copyFileSync(at('000000000001.mdb'), at('000000000002-1.mdb.new'));
    copyFileSync(at('000000000001.mdb'), join(dir, 'old'));
    let again = await open(dir);
    expect(files(dir)).toHaveLength(again.stats().segments);
    expect(existsSync(at('000000000001-1.mdb'))).toBe(false);
    expect(readAll(again.partition('kept')!)).toEqual(batches);
    await again.clean(HALF);
    await again.close();
    copyFileSync(join(dir, 'old'), at('000000000001.mdb'));
    again = await open(dir);
    expect(existsSync(at('000000000001.mdb'))).toBe(false);
    expect(existsSync(at('000000000001-1.mdb'))).toBe(true);
    expect(readAll(again.partition('kept')!)).toEqual(batches);
    await again.close();
  });
});
