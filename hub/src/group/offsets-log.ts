import { assert } from '@edgelog/base';
import { type PartitionLog, StoredDamageError } from '@edgelog/log';
import { iterateBatches, iterateRecords, RecordsEncoder, readBatchHeader } from '@edgelog/wire';
import { decodeRecord, encodeRecord, type GroupRecord } from './records/index.ts';

const READ_BYTES = 1024 * 1024;
const NO_PRODUCER = { producerId: -1, producerEpoch: -1, baseSequence: -1 } as const;

/** Appends the records as one batch, so that they become durable together. `flushed` as in AppendResult. */
export function appendRecords(
  log: PartitionLog,
  records: readonly GroupRecord[],
  wallMs: number,
  leaderEpoch: number,
): { baseOffset: number; flushed: Promise<void> } {
  const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: wallMs });
  for (const record of records) encoder.append({ timestamp: wallMs, ...encodeRecord(record) });
  const batch = encoder.sealSync({ compression: 'none', ...NO_PRODUCER });
  const result = log.append(batch, readBatchHeader(batch), {
    leaderEpoch,
    offsets: 'assign',
    checkCrc: false,
  });
  assert(result.ok, `a batch of group records was refused: ${result.ok ? '' : result.message}`);
  return result;
}

/**
 * Every record from the log's start to its high watermark; `onUnreadable` is told of each one that cannot be read, and once for
 * each range of damaged batches.
 */
export function* readRecords(
  log: PartitionLog,
  onUnreadable: (offset: number, error: Error) => void,
): Generator<GroupRecord> {
  let offset = log.logStartOffset;
  while (offset < log.flushedEndOffset) {
    let batches: readonly Buffer[];
    try {
      ({ batches } = log.read(offset, { maxBytes: READ_BYTES }));
    } catch (error) {
      if (!(error instanceof StoredDamageError)) throw error;
      onUnreadable(offset, error);
      offset = error.damage.endOffset;
      continue;
    }
    if (batches.length === 0) return;
    for (const bytes of batches) {
      for (const { at, header } of iterateBatches(bytes)) {
        offset = header.lastOffset + 1;
        if (header.isControl) continue;
        for (const record of iterateRecords(bytes.subarray(at, at + header.sizeBytes))) {
          if (record.key === null) continue;
          try {
            const decoded = decodeRecord(record.key, record.value);
            if (decoded) yield decoded;
          } catch (error) {
            onUnreadable(record.offset, error as Error);
          }
        }
      }
    }
  }
}
