import type { PartitionLedger } from './partition-ledger.ts';

/** A batch as a reader found it. */
export interface StoredBatch {
  id: string;
  baseOffset: number;
  lastOffset: number;
  sizeBytes: number;
  producerId: number;
  baseSequence: number;
  recordCount: number;
}

/** A partition read from its start to its end while nobody writes. */
export interface ObservedPartition {
  logStartOffset: number;
  highWatermark: number;
  batches: readonly StoredBatch[];
  /** When the start was last looked for, epoch milliseconds. */
  readAt: number;
}

/**
 * What is wrong with a partition as it was found, given what clients knew of it before; empty when nothing is. Acknowledged is
 * readable with the same bytes at the same offset, offsets are dense, nothing is there that nobody sent or that is there twice,
 * sequences of an idempotent producer have neither holes nor repeats, and the log starts where it may.
 */
export function checkPartition(ledger: PartitionLedger, observed: ObservedPartition): string[] {
  const found = [
    ...density(observed),
    ...acknowledged(ledger, observed),
    ...origins(ledger, observed),
    ...sequences(observed),
    ...logStart(ledger, observed),
  ];
  return [...ledger.contradictions, ...found.map((what) => `${ledger.name}: ${what}`)];
}

function* density({ batches, logStartOffset, highWatermark }: ObservedPartition): Iterable<string> {
  let next = logStartOffset;
  for (const [position, { baseOffset, lastOffset }] of batches.entries()) {
    const isFirst = position === 0;
    const fits = isFirst ? baseOffset <= next && next <= lastOffset : baseOffset === next;
    if (!fits) yield `offset ${baseOffset} where ${next} should be`;
    next = lastOffset + 1;
  }
  if (next !== highWatermark) yield `batches end at ${next}, the high watermark is ${highWatermark}`;
}

function* acknowledged(ledger: PartitionLedger, observed: ObservedPartition): Iterable<string> {
  const { logStartOffset, highWatermark } = observed;
  if (highWatermark < ledger.endOffset)
    yield `ends at ${highWatermark}, records up to ${ledger.endOffset} were acknowledged`;
  const stored = new Map(observed.batches.map((batch) => [batch.baseOffset, batch]));
  for (const { id, baseOffset, lastOffset } of ledger.placed.values()) {
    if (lastOffset < logStartOffset) continue;
    const there = stored.get(baseOffset)?.id;
    if (there === undefined) yield `acknowledged at offset ${baseOffset} and lost: ${id}`;
    else if (there !== id) yield `acknowledged at offset ${baseOffset}: ${id}; there is ${there}`;
  }
}

function* origins(ledger: PartitionLedger, { batches }: ObservedPartition): Iterable<string> {
  const offsets = new Map<string, number>();
  for (const { id, baseOffset } of batches) {
    const first = offsets.get(id);
    if (first !== undefined) yield `twice, at offsets ${first} and ${baseOffset}: ${id}`;
    offsets.set(id, baseOffset);
    if (ledger.placed.has(baseOffset) || ledger.pending.has(id)) continue;
    yield `at offset ${baseOffset} what nobody sent, or sent in vain before: ${id}`;
  }
}

function* sequences({ batches }: ObservedPartition): Iterable<string> {
  const expected = new Map<number, number>();
  for (const { producerId, baseSequence, recordCount, baseOffset } of batches) {
    if (producerId < 0) continue;
    const next = expected.get(producerId) ?? baseSequence;
    if (baseSequence !== next)
      yield `producer ${producerId}: sequence ${baseSequence} at offset ${baseOffset}, ${next} expected`;
    expected.set(producerId, baseSequence + recordCount);
  }
}

function* logStart(ledger: PartitionLedger, observed: ObservedPartition): Iterable<string> {
  const { logStartOffset, batches, readAt } = observed;
  const { deletedAsked, deletedAcknowledged, keeping } = ledger;
  if (logStartOffset < deletedAcknowledged)
    yield `starts at ${logStartOffset}, records below ${deletedAcknowledged} were deleted`;
  if (logStartOffset <= Math.max(deletedAsked, ledger.startOffset)) return;
  const { retentionBytes, retentionMs } = keeping;
  const keptBytes = batches.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (retentionBytes !== undefined && keptBytes >= retentionBytes) return;
  const gone = [...ledger.placed.values()].filter(({ lastOffset }) => lastOffset < logStartOffset);
  const youngestMs = readAt - Math.max(...gone.map(({ sentAt }) => sentAt));
  if (retentionMs !== undefined && youngestMs >= retentionMs) return;
  yield `starts at ${logStartOffset}: deleted what must be kept (${keptBytes} bytes left, the youngest was ${youngestMs} ms old)`;
}
