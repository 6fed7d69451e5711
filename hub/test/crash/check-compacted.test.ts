import { expect, test } from 'vitest';
import { type CompactedBatch, checkCompacted, settleCompacted } from './check-compacted.ts';
import { PartitionLedger } from './partition-ledger.ts';

const SENT = [
  [
    { key: 'a', value: 'a1' },
    { key: 'b', value: 'b1' },
    { key: 'c', value: 'c1' },
  ],
  [
    { key: 'a', value: 'a2' },
    { key: 'b', value: null },
  ],
  [{ key: 'c', value: 'c2' }],
];

/** Batches at offsets 0, 3 and 5; the last one has no answer. */
function ledgerOf(): PartitionLedger {
  const ledger = new PartitionLedger('t', 0, { isCompacted: true });
  for (const [at, records] of SENT.entries()) {
    const stamp = { producerId: 7, baseSequence: [0, 3, 5][at]!, sizeBytes: 100, sentAt: 0 };
    ledger.sent({ id: `${at}`, recordCount: records.length, isIdempotent: true, records, ...stamp });
  }
  ledger.place('0', 0);
  ledger.place('1', 3);
  return ledger;
}

/** The records at these offsets, in the batches they came in. */
function left(...offsets: number[]): CompactedBatch[] {
  return [0, 3, 5].map((baseOffset, at) => {
    const records = SENT[at]!.map((record, index) => ({ ...record, offset: baseOffset + index }));
    const kept = records.filter(({ offset }) => offsets.includes(offset));
    const lastOffset = baseOffset + records.length - 1;
    return { baseOffset, lastOffset, producerId: 7, baseSequence: baseOffset, records: kept };
  });
}

const problemsOf = (batches: readonly CompactedBatch[], highWatermark = 6, logStartOffset = 0): string =>
  checkCompacted(ledgerOf(), { logStartOffset, highWatermark, batches }).join('\n');

test.each([
  ['everything', [0, 1, 2, 3, 4, 5]],
  ['the latest of each key', [2, 3, 4]],
  ['the latest of each key, a batch without an answer among them', [3, 4, 5]],
  ['the latest of each key but the tombstone', [2, 3]],
])('%s is right', (_, offsets) => {
  expect(problemsOf(left(...offsets))).toBe('');
});

test.each<[string, number[], RegExp]>([
  ['the latest value of a key is lost', [2, 4], /latest of a is a2 at offset 3; there is none/],
  ['an older value came back in its place', [0, 2, 4], /latest of a is a2 at offset 3; there is .*a1/],
  ['a tombstone is gone and what it deleted is not', [1, 2, 3], /latest of b is null .*b1/],
])('%s: told', (_, offsets, violation) => {
  expect(problemsOf(left(...offsets))).toMatch(violation);
});

test('records out of order, beyond the end, or at another offset than acknowledged: told', () => {
  expect(problemsOf(left(2, 3, 4).reverse())).toMatch(/offset 2 where 5 or more/);
  expect(problemsOf(left(2, 3, 4), 4)).toMatch(/ends at 4, records up to 5/);
  expect(problemsOf(left(2, 3, 4), 6, 1)).toMatch(/starts at 1/);
  const moved = left(2, 3, 4).map((batch) => ({
    ...batch,
    records: batch.records.map((record) => ({ ...record, value: 'other' })),
  }));
  expect(problemsOf(moved)).toMatch(/a = other, sent was/);
});

test('what was compacted away and is back: told', () => {
  const ledger = ledgerOf();
  const [first, second] = left(3, 4, 5);
  settleCompacted(ledger, { logStartOffset: 0, highWatermark: 6, batches: left(3, 4, 5) });
  expect(first!.records).toEqual([]);
  const batches = [left(2)[0]!, second!, left(5)[2]!];
  expect(checkCompacted(ledger, { logStartOffset: 0, highWatermark: 6, batches }).join()).toMatch(
    /at offset 2 c = c1, sent was undefined/,
  );
});

test('a tombstone of which nothing is left still stands for its key', () => {
  const ledger = new PartitionLedger('t', 0, { isCompacted: true });
  const stamp = { producerId: 7, sizeBytes: 100, sentAt: 0, isIdempotent: true };
  const kept = { key: 'b', value: 'b1' };
  const records = [{ key: 'a', value: 'a1' }, kept];
  ledger.sent({ ...stamp, id: '0', baseSequence: 0, recordCount: 2, records });
  ledger.sent({ ...stamp, id: '1', baseSequence: 2, recordCount: 1, records: [{ key: 'a', value: null }] });
  ledger.place('0', 0);
  const batches = [
    { baseOffset: 0, lastOffset: 1, ...stamp, baseSequence: 0, records: [{ ...kept, offset: 1 }] },
  ];
  const observed = { logStartOffset: 0, highWatermark: 3, batches };
  expect(checkCompacted(ledger, observed), 'before its answer').toEqual([]);
  ledger.place('1', 2);
  settleCompacted(ledger, observed);
  expect(checkCompacted(ledger, observed), 'after it').toEqual([]);
});
