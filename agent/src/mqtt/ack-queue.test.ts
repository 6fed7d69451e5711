import { deferred } from '@edgelog/edge';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AckQueue } from './ack-queue.ts';
import { AckType } from './protocol.ts';

function setUp() {
  const writes: Buffer[] = [];
  const failures: string[] = [];
  const queue = new AckQueue({
    write: (bytes) => void writes.push(bytes),
    failed: (error) => void failures.push(error.message),
    progress: () => {},
  });
  const acked = () => {
    const bytes = Buffer.concat(writes);
    return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt16BE(i * 4 + 2));
  };
  return { queue, writes, failures, acked };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('acknowledgements leave in the order of their packets, whatever order commits end in', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(4), { maxLength: 30 }),
      fc.array(fc.nat(), { maxLength: 5 }),
      async (turns, order) => {
        const { queue, acked } = setUp();
        const commits = Array.from({ length: 5 }, deferred);
        for (const [i, one] of turns.entries()) queue.ack(AckType.PUBACK, i + 1, commits[one]!.promise);
        for (const one of order) {
          commits[one % 5]!.resolve(0);
          await turn();
        }
        for (const commit of commits) commit.resolve(0);
        await turn();
        expect(acked()).toEqual(turns.map((_, i) => i + 1));
        expect(queue.length).toBe(0);
      },
    ),
  );
});

test('all acknowledgements of a commit are one write', async () => {
  const { queue, writes, acked } = setUp();
  const commit = deferred();
  for (let id = 1; id <= 100; id++) queue.ack(AckType.PUBACK, id, commit.promise);
  queue.answer(Buffer.from([0x40, 2, 0, 101]));
  commit.resolve(0);
  await turn();
  expect(writes.length).toBe(1);
  expect(acked().length).toBe(101);
});

test('an action runs when what was pushed before it has left', async () => {
  const { queue, writes } = setUp();
  const commit = deferred();
  let written: number | undefined;
  queue.ack(AckType.PUBACK, 1, commit.promise);
  queue.afterwards(() => {
    written = writes.length;
  });
  queue.ack(AckType.PUBACK, 2);
  await turn();
  expect(written).toBeUndefined();
  commit.resolve(0);
  await turn();
  expect(written).toBe(1);
  expect(writes.length).toBe(2);
});

test('after a failed commit nothing is acknowledged, and that is said once', async () => {
  const { queue, failures, acked } = setUp();
  const [good, bad] = [deferred(), deferred()];
  queue.ack(AckType.PUBACK, 1, good.promise);
  queue.ack(AckType.PUBACK, 2, bad.promise);
  queue.ack(AckType.PUBACK, 3);
  queue.ack(AckType.PUBACK, 4, bad.promise);
  good.resolve(0);
  await turn();
  bad.reject(new Error('disk'));
  await turn();
  expect(acked()).toEqual([1]);
  expect(failures).toEqual(['disk']);
});
