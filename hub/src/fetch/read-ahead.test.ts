import type { ReadResult } from '@edgelog/log';
import { expect, test } from 'vitest';
import type { Partition } from '../partition/partition.ts';
import { ReadAhead } from './read-ahead.ts';

const BATCH_BYTES = 100;

/** Endless batches of 100 bytes, an offset each; what it gives is of memory that is counted. */
class Log {
  logStartOffset = 0;
  highWatermark = 1_000;
  reads = 0;
  fault: Error | undefined;
  sizeBytesFrom(offset: number): number {
    return (this.highWatermark - offset) * BATCH_BYTES;
  }
  read(offset: number, options: { maxBytes: number; memory: (bytes: number) => Buffer }): ReadResult {
    this.reads++;
    if (this.fault) throw this.fault;
    const count = Math.max(1, Math.floor(options.maxBytes / BATCH_BYTES));
    const bytes = options.memory(count * BATCH_BYTES).fill(offset % 256);
    const batches = Array.from({ length: count }, (_, i) =>
      bytes.subarray(i * BATCH_BYTES, (i + 1) * BATCH_BYTES),
    );
    return { batches, sizeBytes: bytes.length };
  }
}

function world(totalBytesMax?: number) {
  const log = new Log();
  let lent = 0;
  const memory = {
    take: (bytes: number) => {
      lent++;
      return Buffer.alloc(bytes);
    },
    giveBack: () => {
      lent--;
    },
  };
  const client = { isClosed: false, whenClosed: new Set<() => void>() };
  const { highWatermark } = log;
  const leadership = { leaderEpoch: 1 };
  const partition = { log, replica: log, highWatermark, leadership, isClosed: false } as unknown as Partition;
  return { log, partition, client, memory, lent: () => lent, ahead: new ReadAhead(totalBytesMax) };
}
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('what is fetched next is there, once', async () => {
  const { ahead, client, partition, memory, log } = world();
  const next = { partition, offset: 7, maxBytes: 500 };
  ahead.begin(client, [next], memory);
  expect(log.reads).toBe(0);
  await turns(2);
  expect(ahead.heldBytes).toBe(500);
  const taken = ahead.take(client, next, true)!;
  expect([taken.sizeBytes, taken.batches.length, taken.batches[0]![0]]).toEqual([500, 5, 7]);
  expect(ahead.take(client, next, true)).toBeUndefined();
  expect(ahead.heldBytes).toBe(0);
});

test('who goes on elsewhere, or takes less, gets nothing of it, and the memory goes back', async () => {
  for (const asked of [
    { offset: 8, maxBytes: 500 },
    { offset: 7, maxBytes: 499 },
  ]) {
    const { ahead, client, partition, memory, lent } = world();
    ahead.begin(client, [{ partition, offset: 7, maxBytes: 500 }], memory);
    await turns(2);
    expect(lent()).toBe(1);
    expect(ahead.take(client, { partition, ...asked }, true)).toBeUndefined();
    expect([lent(), ahead.heldBytes]).toEqual([0, 0]);
  }
});

test('near the end of the log, or for a limit that is no hint, nothing is read', async () => {
  const { ahead, client, partition, memory, log } = world();
  ahead.begin(
    client,
    [
      { partition, offset: 996, maxBytes: 500 },
      { partition, offset: 1_000, maxBytes: 0 },
      { partition, offset: 0, maxBytes: 5 * 2 ** 20 },
    ],
    memory,
  );
  await turns(3);
  expect(log.reads).toBe(0);
});

test('a fetch that comes early reads the rest itself', async () => {
  const { ahead, client, partition, memory, log } = world();
  const second = { ...partition, log } as unknown as Partition;
  const expected = [partition, second].map((one) => ({ partition: one, offset: 0, maxBytes: 100 }));
  ahead.begin(client, expected, memory);
  await turns(1);
  expect(ahead.take(client, expected[0]!, false)).toBeDefined();
  await turns(3);
  expect(log.reads).toBe(1);
});

test('the memory of a client that is gone goes back, and of one whose partition cannot be read', async () => {
  const { ahead, client, partition, memory, log, lent } = world();
  const next = { partition, offset: 0, maxBytes: 100 };
  ahead.begin(client, [next], memory);
  await turns(2);
  client.isClosed = true;
  for (const gone of client.whenClosed) gone();
  expect([lent(), ahead.heldBytes]).toEqual([0, 0]);
  const other = { isClosed: false, whenClosed: new Set<() => void>() };
  log.fault = new Error('damaged');
  ahead.begin(other, [next], memory);
  await turns(2);
  expect([log.reads, ahead.heldBytes, ahead.take(other, next, true)]).toEqual([2, 0, undefined]);
});

test('beyond the bound of all clients together the oldest pieces go', async () => {
  const { ahead, partition, memory, lent } = world(250);
  const clients = [1, 2, 3].map(() => ({ isClosed: false, whenClosed: new Set<() => void>() }));
  const next = { partition, offset: 0, maxBytes: 100 };
  for (const client of clients) {
    ahead.begin(client, [next], memory);
    await turns(2);
  }
  expect([ahead.heldBytes, lent()]).toEqual([200, 2]);
  expect(clients.map((client) => ahead.take(client, next, true) !== undefined)).toEqual([false, true, true]);
});

test('what was read before the leader changed, or of a replica that was removed since, is not given', async () => {
  const { ahead, client, partition, memory, lent } = world();
  const next = { partition, offset: 7, maxBytes: 500 };
  for (const change of [{ leadership: { leaderEpoch: 2 } }, { replica: new Log() }]) {
    ahead.begin(client, [next], memory);
    await turns(2);
    Object.assign(partition, change);
    expect(ahead.take(client, next, true)).toBeUndefined();
    expect(lent()).toBe(0);
  }
});
