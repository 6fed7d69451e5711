import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HeldRows } from './held-rows.ts';
import { type LogStore, openLogStore, type PartitionLog } from './index.ts';
import { Journal } from './journal.ts';
import { encodeGroup, encodeHead, groupBytes, HEAD_BYTES, parseGroups, parseRows } from './journal-group.ts';
import { parseValueKey, valueKey } from './keys.ts';
import type { RowWrite } from './segment.ts';
import { makeBatch } from './test-batches.ts';
import { tempDir } from './test-dirs.ts';

const FILE_BYTES = HEAD_BYTES + 4096;
const SALT = Buffer.from('saltsalt');
const commit = (number: number) => ({ number, segmentId: 3, acknowledged: number - 1 });
const JOURNAL_BYTES = 2 ** 18;

const row = fc.tuple(
  fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.option(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    { nil: undefined },
  ),
);

function encode(groups: readonly (readonly RowWrite[])[]): { bytes: Buffer; ends: number[] } {
  const bytes = Buffer.alloc(groups.reduce((total, rows) => total + groupBytes(rows), HEAD_BYTES + 64));
  bytes.set(encodeHead(SALT));
  const ends: number[] = [];
  let at = HEAD_BYTES;
  groups.forEach((rows, i) => {
    const sizeBytes = groupBytes(rows);
    expect(encodeGroup(bytes, at, { ...commit(i + 1), rows, salt: SALT }, sizeBytes)).toEqual(rows);
    at += sizeBytes;
    ends.push(at);
  });
  return { bytes, ends };
}

const parsed = (bytes: Buffer) =>
  [...parseGroups(bytes)].map(({ body, ...group }) => ({ ...group, rows: [...parseRows(body)] }));

test('groups come back as they were written; of a damaged file all but the group that is hit', () => {
  fc.assert(
    fc.property(fc.array(fc.array(row, { maxLength: 5 }), { minLength: 1 }), fc.nat(), (groups, where) => {
      const { bytes, ends } = encode(groups);
      const expected = groups.map((rows, i) => ({ ...commit(i + 1), rows }));
      expect(parsed(bytes)).toEqual(expected);
      const damagedAt = HEAD_BYTES + (where % (ends.at(-1)! - HEAD_BYTES));
      bytes[damagedAt]! ^= 0x10;
      const hit = ends.findIndex((end) => end > damagedAt);
      expect(parsed(bytes)).toEqual(expected.toSpliced(hit, 1));
    }),
  );
});

test('what a producer sends does not pass for a group, a damaged head is an error, an unused file is none', () => {
  const inner = encode([[[Buffer.of(1), Buffer.of(2)]]]).bytes;
  const forged = Buffer.from(inner.subarray(HEAD_BYTES));
  const { bytes } = encode([[[Buffer.of(2), forged]]]);
  bytes.set(encodeHead(Buffer.from('othersal')));
  expect(parsed(bytes)).toEqual([]);
  bytes[9]! ^= 1;
  expect(() => parsed(bytes)).toThrow('the head of a journal');
  expect(parsed(Buffer.alloc(FILE_BYTES))).toEqual([]);
});

test('a file is not written over before what is in it was released', async () => {
  const dir = tempDir();
  const journal = await Journal.open(dir, { bytes: 2 * FILE_BYTES });
  const rows: RowWrite[] = [[Buffer.of(2), Buffer.alloc(900)]];
  let number = 0;
  let last: ReturnType<Journal['append']>;
  const firstInFile: number[] = [];
  while (true) {
    last = journal.append(commit(number + 1), rows);
    if (last === undefined) break;
    number++;
    if (last.isFirst) firstInFile.push(number);
    await last.durable;
  }
  expect([number, firstInFile]).toEqual([8, [1, 5]]);
  expect([...Journal.read(dir).keys()].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  journal.release(3);
  expect(journal.append(commit(9), rows)).toBeUndefined();
  journal.release(4);
  await journal.append(commit(9), rows)!.durable;
  journal.close();
  expect([...Journal.read(dir).keys()].sort()).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
});

test('compressed groups come back as they were, and take less of the file', async () => {
  const dir = tempDir();
  const journal = await Journal.open(dir, { bytes: 2 * FILE_BYTES, compressBytes: 500 });
  const written: RowWrite[][] = [];
  for (let number = 1; number <= 6; number++) {
    const rows: RowWrite[] = [[Buffer.of(2, number), Buffer.alloc(number % 2 === 0 ? 1000 : 50, number)]];
    const { durable, rows: kept } = journal.append(commit(number), rows)!;
    await durable;
    expect(kept).toEqual(rows);
    written.push(rows);
  }
  journal.close();
  const read = [...Journal.read(dir).values()].toSorted((a, b) => a.number - b.number);
  expect(read.map(({ body }) => [...parseRows(body)])).toEqual(written);
  expect(journal.writtenBytes).toBeLessThan(4096);
});

test('a large group is left to its segment', async () => {
  const journal = await Journal.open(tempDir(), { bytes: 2 * FILE_BYTES });
  expect(journal.append(commit(1), [[Buffer.of(2), Buffer.alloc(FILE_BYTES / 2)]])).toBeUndefined();
  journal.close();
});

/** Appends batches of which each is a commit of its own. */
async function append(log: PartitionLog, valueBytes: readonly number[]): Promise<void> {
  for (const size of valueBytes) {
    const { batch, header } = makeBatch({ valueBytes: size });
    const result = log.append(batch, header, { leaderEpoch: 0, offsets: 'assign' });
    if (!result.ok) throw new Error(result.message);
    await result.flushed;
  }
}

/** What is on disk while the store is open and at rest, as a kill would leave it. */
function killedCopy(dir: string): string {
  const copy = tempDir();
  cpSync(dir, copy, { recursive: true, filter: (name) => !name.endsWith('LOCK') });
  return copy;
}

/** A store of which small commits were journaled, and how many bytes its segment has of them. */
async function journaledStore(dir: string): Promise<{ store: LogStore; log: PartitionLog }> {
  const store = await openLogStore({ dir, journalBytes: JOURNAL_BYTES });
  const log = store.createPartition('t');
  await store.flushed();
  const commits = () => [...Journal.read(join(dir, 'journal')).keys()].length;
  while (commits() === 0) {
    store.state.put('waiting', Buffer.from('for the journal'));
    await store.flushed();
  }
  return { store, log };
}

const SMALL = [100, 2000, 30];
const LARGE = 50_000;

test('what is only in the journal is read before a kill and after it', async () => {
  const dir = tempDir();
  const { store, log } = await journaledStore(dir);
  await append(log, [...SMALL, LARGE, ...SMALL]);
  store.state.put('kept', Buffer.from('1'));
  store.state.put('kept', Buffer.from('2'));
  await store.flushed();
  store.state.delete('waiting');
  await store.flushed();
  const read = (one: PartitionLog) => one.read(0, { maxBytes: 2 ** 20 }).batches;
  const before = read(log);
  expect(before).toHaveLength(7);
  expect(log.read(5, { maxBytes: 1 }).batches).toEqual([before[5]]);
  for (const journalBytes of [0, JOURNAL_BYTES]) {
    const copy = await openLogStore({ dir: killedCopy(dir), journalBytes });
    const after = copy.partition('t')!;
    expect(read(after)).toEqual(before);
    expect([...copy.state.entries('')]).toEqual([['kept', Buffer.from('2')]]);
    await append(after, SMALL);
    expect(after.flushedEndOffset).toBe(10);
    await copy.close();
  }
  await store.close();
  const reopened = await openLogStore({ dir });
  expect(read(reopened.partition('t')!)).toEqual(before);
  await reopened.close();
});

test('small commits are joined when they go to their segment', () => {
  const held = new HeldRows();
  const sizes = [10, 100_000, 30_000, 5, 5];
  let offset = 0;
  const rows = sizes.map((size, i): RowWrite => {
    const leaderEpoch = i === 4 ? 1 : 0;
    const bounds = { baseOffset: offset, endOffset: offset + 2, bytesBefore: 7 * offset };
    offset += 2;
    return [
      valueKey(1, { ...bounds, maxTimestamp: i, maxAppendTime: i, leaderEpoch }),
      Buffer.alloc(size, i),
    ];
  });
  held.add(rows);
  const taken = held.take();
  const found = taken.rows.map(([key, value]) => [parseValueKey(key), value?.length]);
  expect(found).toMatchObject([
    [{ baseOffset: 0, endOffset: 4, bytesBefore: 0, maxTimestamp: 1, maxAppendTime: 1 }, 100_010],
    [{ baseOffset: 4, endOffset: 8, bytesBefore: 28, maxTimestamp: 3, leaderEpoch: 0 }, 30_005],
    [{ baseOffset: 8, endOffset: 10, leaderEpoch: 1 }, 5],
  ]);
  expect(held.floor(1, 3)?.baseOffset).toBe(2);
  taken.release();
  expect([held.isEmpty, held.floor(1, 3)]).toEqual([true, undefined]);
});

/** Damages the commit that is `back` from the end of a killed store's journal. */
async function damagedCopy(dir: string, back: number): Promise<string> {
  const copy = killedCopy(dir);
  const file = join(copy, 'journal', '0');
  const bytes = readFileSync(file);
  const { body } = [...parseGroups(bytes)].at(-back)!;
  bytes[body.byteOffset - bytes.byteOffset + 12]! ^= 1;
  writeFileSync(file, bytes);
  return copy;
}

test('a commit that was torn is left out, and its number is not given again', async () => {
  const dir = tempDir();
  const { store, log } = await journaledStore(dir);
  await append(log, SMALL);
  const copy = await damagedCopy(dir, 1);
  const opened = await openLogStore({ dir: copy, journalBytes: JOURNAL_BYTES });
  const short = opened.partition('t')!;
  expect(short.flushedEndOffset).toBe(2);
  await append(short, SMALL);
  const again = await openLogStore({ dir: killedCopy(copy) });
  expect(again.partition('t')!.flushedEndOffset).toBe(5);
  await again.close();
  await opened.close();
  await store.close();
});

test('a commit that was acknowledged and cannot be read is an error that names it', async () => {
  const dir = tempDir();
  const { store, log } = await journaledStore(dir);
  await append(log, SMALL);
  for (const back of [2, 3]) {
    const copy = await damagedCopy(dir, back);
    await expect(openLogStore({ dir: copy })).rejects.toThrow(
      /commit \d+, which was acknowledged, cannot be read in the journal/,
    );
  }
  await store.close();
});
