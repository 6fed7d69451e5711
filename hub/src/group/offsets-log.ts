import { assert } from '@edgelog/base';
import { type PartitionLog, StoredDamageError } from '@edgelog/log';
import { iterateBatches, iterateRecords, RecordsEncoder, readBatchHeader } from '@edgelog/wire';
import type { Partition } from '../partition/partition.ts';
import { decodeRecord, encodeRecord, type GroupRecord } from './records/index.ts';

/** Read, decoded and replayed in one turn: some thousand commits, a few milliseconds. */
const READ_BYTES = 256 * 1024;
const NO_PRODUCER = { producerId: -1, producerEpoch: -1, baseSequence: -1 } as const;

export interface AppendedRecords {
  readonly baseOffset: number;
  /** One past the last record. */
  readonly endOffset: number;
  /** As in AppendResult. */
  readonly flushed: Promise<void>;
}

/** Appends the records as one batch, so that they become durable together. The caller has made sure that this broker leads. */
export function appendRecords(
  partition: Partition,
  records: readonly GroupRecord[],
  wallMs: number,
): AppendedRecords {
  const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: wallMs });
  for (const record of records) encoder.append({ timestamp: wallMs, ...encodeRecord(record) });
  const batch = encoder.sealSync({ compression: 'none', ...NO_PRODUCER });
  const result = partition.append(batch, readBatchHeader(batch));
  assert(result.ok, `a batch of group records was refused: ${result.ok ? '' : result.message}`);
  const { baseOffset, lastOffset, flushed } = result;
  return { baseOffset, endOffset: lastOffset + 1, flushed };
}

/**
 * Every record from the log's start to `endOffset`, which is flushed, in portions for one turn each; `onUnreadable` is told of each
 * record that cannot be read, and once for each range of damaged batches.
 */
export function* readRecords(
  log: PartitionLog,
  endOffset: number,
  onUnreadable: (offset: number, error: Error) => void,
): Generator<GroupRecord[]> {
  let offset = log.logStartOffset;
  while (offset < endOffset) {
    let batches: readonly Buffer[];
    try {
      ({ batches } = log.read(offset, { maxBytes: READ_BYTES, endOffset }));
    } catch (error) {
      if (!(error instanceof StoredDamageError)) throw error;
      onUnreadable(offset, error);
      offset = error.damage.endOffset;
      continue;
    }
    if (batches.length === 0) return;
    const records: GroupRecord[] = [];
    for (const bytes of batches) {
      for (const { at, header } of iterateBatches(bytes)) {
        offset = header.lastOffset + 1;
        if (header.isControl) continue;
        for (const record of iterateRecords(bytes.subarray(at, at + header.sizeBytes))) {
          if (record.key === null) continue;
          try {
            const decoded = decodeRecord(record.key, record.value);
            if (decoded) records.push(decoded);
          } catch (error) {
            onUnreadable(record.offset, error as Error);
          }
        }
      }
    }
    yield records;
  }
}
