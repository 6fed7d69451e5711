import type { PartitionLedger, PlacedBatch } from './partition-ledger.ts';

export interface KeyedRecord {
  key: string;
  /** Null in a tombstone. */
  value: string | null;
}

/** What compaction left of a batch; offsets and sequences are those of the whole batch. */
export interface CompactedBatch {
  baseOffset: number;
  lastOffset: number;
  producerId: number;
  baseSequence: number;
  records: readonly (KeyedRecord & { offset: number })[];
}

/** A compacted partition read from its start to its end while nobody writes. */
export interface ObservedCompacted {
  logStartOffset: number;
  highWatermark: number;
  batches: readonly CompactedBatch[];
}

export interface Located extends KeyedRecord {
  offset: number;
}

/** The batch without an answer that was found, if it is one. */
function pendingBatchOf(ledger: PartitionLedger, { producerId, baseSequence }: CompactedBatch) {
  for (const batch of ledger.pending.values())
    if (batch.producerId === producerId && batch.baseSequence === baseSequence) return batch;
  return undefined;
}

/**
 * What is wrong with a compacted partition as it was found: every record is what was sent to its offset, none is there twice or
 * out of order, and of each key the latest that was acknowledged is there, or a later one. Only a tombstone may have gone, and
 * then with everything before it.
 */
export function checkCompacted(ledger: PartitionLedger, observed: ObservedCompacted): string[] {
  const found = [...bounds(ledger, observed), ...origins(ledger, observed), ...latest(ledger, observed)];
  return [...ledger.contradictions, ...found.map((what) => `${ledger.name}: ${what}`)];
}

function* bounds(ledger: PartitionLedger, observed: ObservedCompacted): Iterable<string> {
  const { logStartOffset, highWatermark, batches } = observed;
  if (logStartOffset !== 0) yield `starts at ${logStartOffset}, nothing was deleted`;
  if (highWatermark < ledger.endOffset)
    yield `ends at ${highWatermark}, records up to ${ledger.endOffset} were acknowledged`;
  let next = 0;
  for (const offset of batches.flatMap(({ records }) => records.map((record) => record.offset))) {
    if (offset < next || offset >= highWatermark) yield `offset ${offset} where ${next} or more should be`;
    next = offset + 1;
  }
}

function* origins(ledger: PartitionLedger, { batches }: ObservedCompacted): Iterable<string> {
  const offsets = new Map<string, number>();
  for (const batch of batches) {
    const sent = ledger.placed.get(batch.baseOffset) ?? pendingBatchOf(ledger, batch);
    for (const { offset, key, value } of batch.records) {
      const record = sent?.records?.[offset - batch.baseOffset];
      if (record?.key !== key || record.value !== value)
        yield `at offset ${offset} ${key} = ${value}, sent was ${JSON.stringify(record)}`;
      if (value === null) continue;
      const first = offsets.get(value);
      if (first !== undefined) yield `${key} = ${value} twice, at offsets ${first} and ${offset}`;
      offsets.set(value, offset);
    }
  }
}

function* latest(ledger: PartitionLedger, { batches }: ObservedCompacted): Iterable<string> {
  const present = latestByKey(batches.flatMap(({ records }) => records));
  const placed = [...ledger.placed.values()].flatMap(recordsOf);
  const known = latestByKey([...ledger.latestGone.values(), ...placed]);
  const perhaps = [...ledger.pending.values()].flatMap(({ records = [] }) => records);
  const perhapsDeleted = new Set(perhaps.filter(({ value }) => value === null).map(({ key }) => key));
  for (const [key, { offset, value }] of known) {
    const there = present.get(key);
    const mayBeGone = value === null || perhapsDeleted.has(key);
    if (there === undefined ? mayBeGone : there.offset >= offset) continue;
    yield `latest of ${key} is ${value} at offset ${offset}; there is ${JSON.stringify(there) ?? 'none'}`;
  }
}

function latestByKey(records: readonly Located[]): Map<string, Located> {
  const all = new Map<string, Located>();
  for (const record of records)
    if (record.offset >= (all.get(record.key)?.offset ?? 0)) all.set(record.key, record);
  return all;
}

function recordsOf({ baseOffset, records = [] }: PlacedBatch): Located[] {
  return records.map((record, index) => ({ ...record, offset: baseOffset + index }));
}

/** Takes what was found for what clients know, and forgets batches of which nothing is left. */
export function settleCompacted(ledger: PartitionLedger, { batches }: ObservedCompacted): void {
  for (const batch of batches) {
    const pending = pendingBatchOf(ledger, batch);
    if (pending !== undefined) ledger.place(pending.id, batch.baseOffset);
  }
  const left = new Set(
    batches.flatMap(({ baseOffset, records }) => (records.length > 0 ? [baseOffset] : [])),
  );
  for (const baseOffset of [...ledger.placed.keys()]) {
    if (left.has(baseOffset)) continue;
    const gone = recordsOf(ledger.placed.get(baseOffset)!);
    for (const record of latestByKey([...ledger.latestGone.values(), ...gone]).values())
      ledger.latestGone.set(record.key, record);
    ledger.placed.delete(baseOffset);
    ledger.compactedAway.add(baseOffset);
  }
}
