import { expect, test } from 'vitest';
import { HandedOn } from './handed-on.ts';
import { Table } from './table.ts';

const nothing = () => {};

test('a message that its publisher released before it was queued leaves no mark, which nobody would ever take away', () => {
  const table = new Table({
    disk: undefined,
    onFailure: nothing,
    onRecovery: nothing,
    onDamage: nothing,
    memoryBytes: 0,
  });
  const unreleased = new Set([1]);
  const handedOn = new HandedOn(table, ({ messageId }) => unreleased.has(messageId));
  for (const messageId of [1, 2]) handedOn.add({ clientId: 'device', messageId, crc: 7 });
  expect([1, 2].map((messageId) => handedOn.holds('device', messageId))).toEqual([true, false]);
  void handedOn.release('device', 1);
  expect(table.rowsInMemory).toBe(0);
});
