import { expect, test } from 'vitest';
import { sealRow } from './row.ts';
import { type DiskTable, Table } from './table.ts';

/** A disk whose writes fail from some moment on: the kernel gives no such one to a test. */
class FailingDisk implements DiskTable {
  readonly rows = new Map<string, Buffer>();
  isFailing = false;
  writes = 0;

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

  keys(): Iterable<Buffer> {
    return [];
  }

  async write(rows: readonly (readonly [Buffer, Buffer | undefined])[]): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.writes++;
    if (this.isFailing) throw new Error('ENOSPC');
    for (const [key, value] of rows) {
      if (value === undefined) this.rows.delete(key.toString('latin1'));
      else this.rows.set(key.toString('latin1'), value);
    }
  }

  async close(): Promise<void> {}
}

function setUp() {
  const disk = new FailingDisk();
  const told: unknown[] = [];
  const damaged: string[] = [];
  const table = new Table({
    disk,
    onFailure: (error) => void told.push(error),
    onDamage: (key) => void damaged.push(key),
  });
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
  expect(disk.writes).toBe(2);
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
