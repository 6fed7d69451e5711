import { expect, test } from 'vitest';
import { checkPartition, type ObservedPartition, type StoredBatch } from './check-partition.ts';
import { batchId, type Keeping, PartitionLedger } from './partition-ledger.ts';

const NOW = 1_000_000;

/** Three records of producer 7, sent a minute ago. */
function batch(baseOffset: number, baseSequence: number, crc = baseSequence): StoredBatch {
  const header = { crc, producerId: 7, baseSequence, recordCount: 3 };
  return { ...header, id: batchId(header), baseOffset, lastOffset: baseOffset + 2, sizeBytes: 100 };
}

const FIRST = batch(0, 0);
const SECOND = batch(3, 3);
const THIRD = batch(6, 6);

/** A ledger of three batches: two acknowledged, the third without an answer. */
function ledgerOf(keeping: Keeping = {}): PartitionLedger {
  const ledger = new PartitionLedger('t', 0, keeping);
  for (const sent of [FIRST, SECOND, THIRD])
    ledger.sent({ ...sent, sentAt: NOW - 60_000, isIdempotent: true });
  ledger.place(FIRST.id, 0);
  ledger.place(SECOND.id, 3);
  return ledger;
}

function found(batches: readonly StoredBatch[], more: Partial<ObservedPartition> = {}): ObservedPartition {
  const highWatermark = (batches.at(-1)?.lastOffset ?? -1) + 1;
  return { logStartOffset: 0, highWatermark, batches, readAt: NOW, ...more };
}

test.each([
  ['what was acknowledged alone', [FIRST, SECOND]],
  ['besides it what had no answer', [FIRST, SECOND, THIRD]],
])('%s is right', (_, batches) => {
  expect(checkPartition(ledgerOf(), found(batches))).toEqual([]);
});

test.each<[string, readonly StoredBatch[], RegExp]>([
  ['an acknowledged batch at the end is lost', [FIRST], /acknowledged at offset 3 and lost/],
  ['everything is lost', [], /up to 6 were acknowledged/],
  ['a hole in the offsets', [FIRST, batch(4, 3)], /offset 4 where 3 should be/],
  ['two batches at one offset', [FIRST, FIRST, SECOND], /offset 0 where 3 should be/],
  ['other bytes than acknowledged', [FIRST, batch(3, 3, 99)], /there is .*CRC 99/],
  ['a batch stored twice', [FIRST, SECOND, batch(6, 3)], /twice, at offsets 3 and 6/],
  ['a batch that nobody sent', [FIRST, SECOND, batch(6, 6, 99)], /nobody sent/],
  ['a sequence left out', [FIRST, SECOND, batch(6, 9)], /sequence 9 at offset 6, 6 expected/],
  ['two batches out of order', [batch(0, 3), batch(3, 0)], /sequence 0 at offset/],
])('%s: told', (_, batches, violation) => {
  expect(checkPartition(ledgerOf(), found(batches)).join('\n')).toMatch(violation);
});

test('a high watermark that does not fit the batches: told', () => {
  const problems = checkPartition(ledgerOf(), found([FIRST, SECOND], { highWatermark: 9 }));
  expect(problems).toEqual(['t-0: batches end at 6, the high watermark is 9']);
});

test('an acknowledgement for an offset that another batch has: told', () => {
  const ledger = ledgerOf();
  ledger.place(THIRD.id, 3);
  expect(checkPartition(ledger, found([FIRST, SECOND])).join()).toMatch(/offset 3 was of/);
});

test('what a plain producer sent in vain turns up after the next look: told', () => {
  const ledger = new PartitionLedger('t', 0);
  ledger.sent({ ...FIRST, sentAt: NOW, isIdempotent: false });
  ledger.settle(0, []);
  expect(checkPartition(ledger, found([FIRST])).join()).toMatch(/sent in vain before/);
});

test('what a consumer saw is held to as what was acknowledged', () => {
  const ledger = ledgerOf();
  ledger.place(THIRD.id, 6);
  expect(checkPartition(ledger, found([FIRST, SECOND])).join()).toMatch(/acknowledged at offset 6 and lost/);
});

test.each<[string, Keeping, boolean]>([
  ['without retention', {}, false],
  ['less left than retention.bytes', { retentionBytes: 101 }, false],
  ['as much left as retention.bytes', { retentionBytes: 100 }, true],
  ['younger than retention.ms', { retentionMs: 60_001 }, false],
  ['as old as retention.ms', { retentionMs: 60_000 }, true],
])('the first batch deleted, %s: right is %j', (_, keeping, isRight) => {
  const problems = checkPartition(ledgerOf(keeping), found([SECOND], { logStartOffset: 3 }));
  expect(problems.length === 0).toBe(isRight);
});

test('DeleteRecords moves the start as far as was asked, at least as far as was acknowledged', () => {
  const ledger = ledgerOf();
  ledger.deletedAsked = 4;
  ledger.deletedAcknowledged = 3;
  const startingAt = (logStartOffset: number, batches: readonly StoredBatch[]) =>
    checkPartition(ledger, found(batches, { logStartOffset }));
  expect(startingAt(4, [SECOND])).toEqual([]);
  expect(startingAt(3, [SECOND])).toEqual([]);
  expect(startingAt(1, [FIRST, SECOND]).join()).toMatch(/records below 3 were deleted/);
  expect(startingAt(5, [SECOND]).join()).toMatch(/deleted what must be kept/);
});
