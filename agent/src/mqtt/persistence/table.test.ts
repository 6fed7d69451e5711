import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../testing/fixture.ts';
import { sealRow } from './row.ts';
import { type DiskTable, Table } from './table.ts';

/** A disk whose writes fail from some moment on: the kernel gives no such one to a test. */
class FailingDisk implements DiskTable {
  readonly rows = new Map<string, Buffer>();
  isFailing = false;
  /** The file has to be opened anew. */
  isGivenUp = false;
  writes = 0;

  #begun = Promise.withResolvers<void>();

  /** Resolves when the next write has begun. */
  nextWrite(): Promise<void> {
    return this.#begun.promise;
  }

  get(key: Buffer): Buffer | undefined {
    return this.rows.get(key.toString('latin1'));
  }

  range(start: Buffer, end: Buffer, limit: number) {
    return [...this.rows]
      .map(([key, value]) => ({ key: Buffer.from(key, 'latin1'), value }))
      .filter(({ key }) => key.compare(start) >= 0 && key.compare(end) < 0)
      .sort((a, b) => a.key.compare(b.key))
      .slice(0, limit);
  }

  keys(start: Buffer, end: Buffer): Iterable<Buffer> {
    return this.range(start, end, Number.POSITIVE_INFINITY).map(({ key }) => key);
  }

  async write(rows: readonly (readonly [Buffer, Buffer | undefined])[]): Promise<void> {
    this.writes++;
    this.#begun.resolve();
    this.#begun = Promise.withResolvers<void>();
    await new Promise((resolve) => setImmediate(resolve));
    if (this.isFailing) throw new Error('ENOSPC');
    for (const [key, value] of rows) {
      if (value === undefined) this.rows.delete(key.toString('latin1'));
      else this.rows.set(key.toString('latin1'), value);
    }
  }

  mayWriteAgain(): boolean {
    return !this.isGivenUp;
  }

  async close(): Promise<void> {}
}

function setUp() {
  const disk = new FailingDisk();
  const told: unknown[] = [];
  const damaged: string[] = [];
  const table = new Table({
    disk,
    onFailure: (error, isForGood) => void told.push(isForGood ? 'for good' : error),
    onRecovery: () => void told.push('recovered'),
    onDamage: (key) => void damaged.push(key),
    memoryBytes: 2000,
    retryMs: { first: 1, longest: 4 },
  });
  onTestFinished(() => table.close());
  return { disk, table, told, damaged };
}

test('a store that cannot be written any more is told of once, holds nobody up, and reads what was written', async () => {
  const { disk, table, told } = setUp();
  table.put('a', Buffer.from('1'));
  await table.commit();
  disk.isFailing = true;
  table.put('a', Buffer.from('2'));
  table.put('b', Buffer.from('3'));
  await table.commit();
  table.remove('b');
  table.put('c', Buffer.from('4'));
  await table.commit();
  expect(told).toEqual([new Error('ENOSPC')]);
  expect(table.isOnDisk).toBe(false);
  expect(table.range('a', 'z', 10).map(([key, value]) => `${key}${value}`)).toEqual(['a2', 'c4']);
  await until('it was tried again', () => disk.writes > 5);
  expect(told.length).toBe(1);
});

test('a store that was full for a while takes up by itself what came meanwhile, and what was removed', async () => {
  const { disk, table, told } = setUp();
  for (const key of ['kept', 'removed', 'changed']) table.put(key, Buffer.from('1'));
  await table.commit();
  disk.isFailing = true;
  table.remove('removed');
  table.put('changed', Buffer.from('2'));
  table.put('gone again', Buffer.from('3'));
  await table.commit();
  table.put('new', Buffer.from('4'));
  // Whether an attempt has it already or not: it must not come back.
  table.remove('gone again');
  await until('it was tried a few times', () => disk.writes > 5);
  disk.isFailing = false;
  await until('it is on disk', () => table.isOnDisk && table.rowsInMemory === 0);
  expect(told).toEqual([new Error('ENOSPC'), 'recovered']);
  expect([...disk.rows.keys()].sort()).toEqual(['changed', 'kept', 'new']);
  expect(String(table.get('changed'))).toBe('2');
});

test('a row that is removed while an attempt to write it is on its way does not come back', async () => {
  const { disk, table } = setUp();
  disk.isFailing = true;
  table.put('a', Buffer.from('1'));
  await table.commit();
  const attempt = disk.nextWrite();
  disk.isFailing = false;
  await attempt;
  table.remove('a');
  await until('it is on disk', () => table.isOnDisk && table.rowsInMemory === 0);
  expect([...disk.rows.keys()]).toEqual([]);
});

test('what a failing store keeps in memory is bounded, whatever comes and goes; there is room again when it is written', async () => {
  const { disk, table } = setUp();
  disk.isFailing = true;
  table.put('first', Buffer.alloc(10));
  await table.commit();
  let kept = 0;
  while (table.hasRoom(100) && kept < 1000) table.put(`${kept++}`, Buffer.alloc(100));
  expect(kept).toBeGreaterThan(2);
  expect(kept).toBeLessThan(20);
  table.remove('0');
  expect(table.hasRoom(100)).toBe(true);
  table.put('0', Buffer.alloc(100));
  expect(table.hasRoom(100)).toBe(false);
  disk.isFailing = false;
  await until('it is on disk', () => table.isOnDisk);
  expect(table.hasRoom(1_000_000)).toBe(true);
});

test('a file that has to be opened anew is not written again before, and the alarm can say so', async () => {
  const { disk, table, told } = setUp();
  disk.isFailing = true;
  disk.isGivenUp = true;
  table.put('a', Buffer.from('1'));
  await table.commit();
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(told).toEqual(['for good']);
  expect(disk.writes).toBe(1);
});

test('a store that cannot be written any more does not grow by what comes and goes', async () => {
  const { disk, table } = setUp();
  table.put('a', Buffer.from('1'));
  await table.commit();
  disk.isFailing = true;
  table.put('b', Buffer.from('2'));
  await table.commit();
  for (let i = 0; i < 100; i++) {
    table.put(`${i}`, Buffer.from('3'));
    table.remove(`${i}`);
  }
  table.remove('b');
  table.remove('a');
  expect(table.rowsInMemory).toBe(1);
  expect(table.range('', 'z', 10)).toEqual([]);
});

test('what one turn brings is one transaction, and what comes during a flush is the next', async () => {
  const { disk, table } = setUp();
  const first = [1, 2, 3].map((n) => {
    table.put(`${n}`, Buffer.of(n));
    return table.commit();
  });
  expect(new Set(first).size).toBe(1);
  await new Promise((resolve) => setImmediate(resolve));
  table.put('4', Buffer.of(4));
  const second = table.commit();
  expect(second).not.toBe(first[0]);
  await Promise.all([first[0], second]);
  expect(disk.writes).toBe(2);
  expect(disk.rows.size).toBe(4);
});

test('a row whose bytes have changed is left out and told of; its neighbours are read', () => {
  const { disk, table, damaged } = setUp();
  for (const key of ['a', 'b', 'c']) disk.rows.set(key, sealRow(key, Buffer.from('value')));
  disk.rows.get('b')![0]! ^= 1;
  expect(table.range('a', 'z', 2).map(([key]) => key)).toEqual(['a', 'c']);
  expect(damaged).toEqual(['b']);
});

test('what nobody waits for is written within moments after an outage too, when nothing was left to write for a while', async () => {
  const { disk, table } = setUp();
  disk.isFailing = true;
  table.put('a', Buffer.from('1'));
  await table.commit();
  disk.isFailing = false;
  await until('it is on disk', () => table.isOnDisk && table.rowsInMemory === 0);
  // Past the time in which what came meanwhile would be written: nothing did.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  table.put('b', Buffer.from('2'));
  await until('it is on disk', () => disk.rows.has('b'));
});

test('keys are those that a read would find, whatever is on disk, on its way there or staged', async () => {
  const name = fc.integer({ min: 0, max: 30 }).map((n) => String.fromCharCode(97 + n));
  const changes = fc.array(fc.tuple(name, fc.boolean()), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(changes, changes, changes, fc.integer({ min: 1, max: 40 }), async (a, b, c, limit) => {
      const { disk, table } = setUp();
      const write = (all: typeof a) => {
        for (const [key, isThere] of all) isThere ? table.put(key, Buffer.from(key)) : table.remove(key);
      };
      write(a);
      await table.commit();
      write(b);
      const begun = b.length > 0 ? disk.nextWrite() : undefined;
      const committed = table.commit();
      await begun;
      write(c);
      const expected = table.range('b', 'z', limit).map(([key]) => key);
      expect(table.keys('b', 'z', limit)).toEqual(expected);
      await committed;
    }),
    { numRuns: 50 },
  );
});
