import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LogStore, openLogStore, type PartitionLog } from './index.ts';
import { type ValueBounds, valueKey } from './keys.ts';
import { expiryOf, type RetainedLog } from './retention.ts';
import type { SegmentRange } from './rows.ts';
import { Segment } from './segment.ts';
import { makeBatch } from './test-batches.ts';
import { tempDir } from './test-dirs.ts';
import type { RetentionPolicy } from './types.ts';

interface Value extends ValueBounds {
  bytesEnd: number;
}

/** A log of values in segments, as the store keeps it: running maxima in each segment, the oldest part dead. */
const logs = fc
  .record({
    segments: fc.array(
      fc.array(
        fc.record({ records: fc.integer({ min: 1, max: 9 }), bytes: fc.nat(99), time: fc.nat(1000) }),
        {
          minLength: 1,
          maxLength: 9,
        },
      ),
      { maxLength: 5 },
    ),
    startShare: fc.double({ min: 0, max: 1, noNaN: true }),
    flushedValues: fc.nat(45),
  })
  .map(({ segments, startShare, flushedValues }) => {
    const values: Value[] = [];
    const ranges: SegmentRange[] = [];
    let [offset, bytes] = [7, 100];
    for (const [segmentId, parts] of segments.entries()) {
      const range = { segmentId, baseOffset: offset, bytesBefore: bytes, maxTimestamp: 0, maxAppendTime: 0 };
      for (const part of parts) {
        range.maxAppendTime = Math.max(range.maxAppendTime, part.time);
        const { maxAppendTime } = range;
        const endOffset = offset + part.records;
        const bytesEnd = bytes + 1 + part.bytes;
        values.push({
          baseOffset: offset,
          endOffset,
          bytesBefore: bytes,
          bytesEnd,
          maxTimestamp: 0,
          maxAppendTime,
        });
        [offset, bytes] = [endOffset, bytesEnd];
      }
      ranges.push({ ...range, endOffset: offset, bytesEnd: bytes });
    }
    const flushedEndOffset = values[Math.min(flushedValues, values.length) - 1]?.endOffset ?? 7;
    const logStartOffset = 7 + Math.floor(startShare * (flushedEndOffset - 7));
    let looks = 0;
    const log: RetainedLog = {
      logStartOffset,
      flushedEndOffset,
      ranges: ranges.filter(({ endOffset }) => endOffset > logStartOffset),
      valueAt(at) {
        looks++;
        expect(at).toBeGreaterThanOrEqual(logStartOffset);
        expect(at).toBeLessThan(flushedEndOffset);
        return values.find(({ endOffset }) => endOffset > at)!;
      },
    };
    return { values, log, bytesEnd: bytes, looks: () => looks };
  });

test('what is expired is what a look at every value finds, in few look-ups', () => {
  const bound = fc.option(fc.nat(1200), { nil: undefined });
  fc.assert(
    fc.property(logs, bound, bound, ({ values, log, bytesEnd, looks }, retentionMs, retentionBytes) => {
      const now = 1000;
      const start = (isDropped: (value: Value) => boolean) => {
        let at = log.logStartOffset;
        for (const value of values) {
          if (value.endOffset <= log.logStartOffset) continue;
          if (value.endOffset > log.flushedEndOffset || !isDropped(value)) break;
          at = value.endOffset;
        }
        return at;
      };
      const byTime = start((value) => retentionMs !== undefined && now - value.maxAppendTime > retentionMs);
      // Where the last flushed value ends is not known while more of its segment is on its way: it stays with the rest.
      const isOpen = (value: Value) => {
        const range = log.ranges.find(({ endOffset }) => endOffset >= value.endOffset)!;
        const endsMidway = value.endOffset === log.flushedEndOffset && value.endOffset < range.endOffset;
        return endsMidway && bytesEnd - range.bytesEnd < retentionBytes!;
      };
      const bySize = start(
        (value) =>
          retentionBytes !== undefined && bytesEnd - value.bytesEnd >= retentionBytes && !isOpen(value),
      );
      const logStartOffset = Math.max(byTime, bySize);
      const policy = { retentionMs, retentionBytes };
      const before = looks(); // the log may have been looked at before, in a run with another policy
      const expiry = expiryOf(log, policy, now, log.flushedEndOffset);
      expect(looks() - before).toBeLessThan(24);
      const bound = Math.floor((log.logStartOffset + log.flushedEndOffset) / 2);
      expect(expiryOf(log, policy, now, bound)?.logStartOffset ?? log.logStartOffset).toBe(
        Math.min(logStartOffset, bound),
      );
      if (logStartOffset === log.logStartOffset) expect(expiry).toBeUndefined();
      else expect(expiry).toEqual({ logStartOffset, by: byTime >= bySize ? 'time' : 'size' });
    }),
    { numRuns: 1000 },
  );
});

describe('retention', () => {
  const HOUR = 3_600_000;
  const policy = (retentionMs?: number, retentionBytes?: number): RetentionPolicy => ({
    retentionMs,
    retentionBytes,
  });

  async function appendAt(store: LogStore, log: PartitionLog, timestamp: number): Promise<void> {
    const { batch, header } = makeBatch({ timestamp, valueBytes: 1000 });
    expect(log.append(batch, header, { leaderEpoch: 0, offsets: 'assign' }).ok).toBe(true);
    await store.flushed();
  }

  test('old record times make the hub delete data on arrival (Kafka): it goes by the time of the append, over rolls and a reopen, whatever time the records carry', async () => {
    const dir = tempDir();
    let now = 100 * HOUR;
    const open = () => openLogStore({ dir, segmentBytes: 4000, now: () => now });
    let store = await open();
    let log = store.createPartition('backlog');
    for (let i = 0; i < 12; i++, now += HOUR) await appendAt(store, log, i % 2 === 0 ? 1 : 1000 * HOUR);
    expect(store.stats().segments).toBeGreaterThan(2);
    expect(log.expiry(policy(12 * HOUR))).toBeUndefined();
    expect(log.expiry(policy(3 * HOUR))).toEqual({ logStartOffset: 9, by: 'time' });
    await store.close();

    store = await open();
    log = store.partition('backlog')!;
    expect(log.expiry(policy(10 * HOUR))).toEqual({ logStartOffset: 2, by: 'time' });
    log.advanceLogStart(2);
    expect(log.expiry(policy(10 * HOUR))).toBeUndefined();
    now += 100 * HOUR;
    expect(log.expiry(policy(10 * HOUR))).toEqual({ logStartOffset: 12, by: 'time' });
    log.advanceLogStart(12);
    expect(log.expiry(policy(0, 0))).toBeUndefined();
    await appendAt(store, log, 1);
    expect(log.expiry(policy(0))).toBeUndefined();
    await store.close();
  });

  test('by size keeps at least what it says, and what is not flushed yet is never expired', async () => {
    const store = await openLogStore({ dir: tempDir(), segmentBytes: 4000 });
    const log = store.createPartition('t');
    for (let i = 0; i < 10; i++) await appendAt(store, log, i);
    const size = log.sizeBytesFrom(9);
    expect(log.expiry(policy(undefined, 10 * size))).toBeUndefined();
    expect(log.expiry(policy(undefined, 3 * size))).toEqual({ logStartOffset: 7, by: 'size' });
    expect(log.expiry(policy(undefined, 3 * size - 1))).toEqual({ logStartOffset: 7, by: 'size' });
    expect(log.expiry(policy(undefined, 2 * size + 1))).toEqual({ logStartOffset: 7, by: 'size' });
    const late = appendAt(store, log, 10);
    expect(log.expiry(policy(-1, 0))).toEqual({ logStartOffset: 10, by: 'time' });
    await late;
    expect(log.expiry(policy(undefined, 0))).toEqual({ logStartOffset: 11, by: 'size' });
    await store.close();
  });

  test('takes a segment that cannot be read any more when all of it has expired', async () => {
    const dir = tempDir();
    let now = 0;
    const open = () => openLogStore({ dir, segmentBytes: 4000, now: () => now });
    let store = await open();
    for (now = HOUR; now <= 8 * HOUR; now += HOUR) await appendAt(store, store.createPartition('t'), 1);
    expect(store.stats().segments).toBeGreaterThan(1);
    await store.close();
    const path = join(dir, 'segments/000000000001.mdb');
    const damaged = Segment.openForWrite(1, path, { flush: true, mapBytes: 2 ** 24 });
    await damaged.write([[valueKey(1, damaged.first(1)!), undefined]]);
    await damaged.close();

    store = await open();
    const log = store.partition('t')!;
    expect(log.expiry(policy(7 * HOUR))).toBeUndefined();
    expect(store.damage()).toMatchObject([{ partition: 't', baseOffset: 0 }]);
    expect(log.liveBytes).toBeGreaterThan(8 * 1000);
    now = 20 * HOUR;
    expect(log.expiry(policy(HOUR))).toEqual({ logStartOffset: 8, by: 'time' });
    log.advanceLogStart(8);
    expect(log.liveBytes).toBe(0);
    await store.flushed();
    await expect.poll(() => existsSync(path)).toBe(false);
    await store.close();
  });
});
