import { assert } from '@edgelog/base';
import {
  type CompressionName,
  iterateRecords,
  RecordsEncoder,
  readBatchHeader,
  verifyBatchCrc,
} from '@edgelog/wire';
import type { CompactionPolicy, LogStore, PartitionLog } from './types.ts';

/** Whatever lies in a log is due. */
export const EAGER_POLICY: CompactionPolicy = {
  dirtyRatioMin: 0,
  maxLagMs: Number.POSITIVE_INFINITY,
  minLagMs: 0,
  deleteRetentionMs: 1000,
  rollBytes: 1,
  rollMs: Number.POSITIVE_INFINITY,
};

export type KeyedWrite = readonly [key: string | null, value: string | null];

/** For logs whose records follow from their offsets: 37 keys, one record in eleven a tombstone. */
export function recordAt(offset: number): KeyedWrite {
  const value = offset % 11 === 0 ? null : `${offset} ${'x'.repeat((offset * 131) % 900)}`;
  return [`k${(offset * 7919) % 37}`, value];
}

/** One batch, enqueued; timestamps are 1000 + offset. Returns it. */
export function appendKeyed(
  log: PartitionLog,
  writes: readonly KeyedWrite[],
  compression: CompressionName = 'none',
): Buffer {
  const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: 1000 });
  writes.forEach(([key, value], i) => {
    const timestamp = 1000 + log.logEndOffset + i;
    encoder.append({ timestamp, key, value: value === null ? null : Buffer.from(value) });
  });
  const batch = encoder.sealSync({ compression, producerId: -1, producerEpoch: -1, baseSequence: -1 });
  const result = log.append(batch, readBatchHeader(batch), { leaderEpoch: 0, offsets: 'assign' });
  assert(result.ok, 'the append was accepted');
  return batch;
}

export async function write(
  store: LogStore,
  log: PartitionLog,
  writes: readonly KeyedWrite[],
  compression?: CompressionName,
): Promise<Buffer> {
  const batch = appendKeyed(log, writes, compression);
  await store.flushed();
  return batch;
}

/** `offset:key=value` of every record from `offset` on, as a consumer reads them: it always gets on. */
export function consume(log: PartitionLog, offset = log.logStartOffset): string[] {
  const seen: string[] = [];
  for (let at = offset; at < log.flushedEndOffset; ) {
    const { batches } = log.read(at, { maxBytes: 500 });
    assert(batches.length > 0, `offset ${at} leads on`);
    for (const batch of batches) {
      const header = readBatchHeader(batch);
      verifyBatchCrc(batch, 0, header);
      assert(header.lastOffset >= at, `the batch up to ${header.lastOffset} leads on from ${at}`);
      for (const record of iterateRecords(batch)) {
        if (record.offset >= offset) seen.push(`${record.offset}:${record.key}=${record.value}`);
      }
      at = header.lastOffset + 1;
    }
  }
  return seen;
}
