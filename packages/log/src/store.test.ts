import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBatchHeader } from '@edgelog/wire';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLogStore } from './index.ts';
import { makeBatch, RESERVED_PID } from './test-batches.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'edgelog-log-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const ASSIGN = { leaderEpoch: 3, offsets: 'assign' } as const;

describe('a log store', () => {
  test('reads back what was flushed, after a reopen too', async () => {
    let store = await openLogStore({ dir });
    let log = store.createPartition('t-0');
    const { batch, header } = makeBatch({ count: 3, producerId: RESERVED_PID });
    const result = log.append(batch, header, ASSIGN);
    expect(result).toMatchObject({ ok: true, baseOffset: 0, lastOffset: 2, duplicate: false });
    expect(log.highWatermark).toBe(0);
    expect(log.read(0, { maxBytes: 1000 }).batches).toEqual([]);
    if (result.ok) await result.flushed;
    expect(log.highWatermark).toBe(3);
    expect(log.read(1, { maxBytes: 1000 }).batches).toEqual([batch]);
    store.state.put('k', Buffer.from('v'));
    await store.close();

    store = await openLogStore({ dir });
    log = store.partition('t-0')!;
    expect(log.highWatermark).toBe(3);
    expect(log.read(0, { maxBytes: 1000 }).batches).toEqual([batch]);
    expect(readBatchHeader(batch).partitionLeaderEpoch).toBe(3);
    expect(log.leaderEpochs.latest).toBe(3);
    expect(log.producer(RESERVED_PID)).toMatchObject({ nextSequence: 3, recordCount: 3 });
    expect(store.state.get('k')).toEqual(Buffer.from('v'));
    await store.close();
  });

  test('keeps the open tail over a reopen and seals it in one go', async () => {
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
});
