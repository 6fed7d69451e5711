import { assert } from '@edgelog/base';
import { compressRecords } from '../compression/index.ts';
import { crc32c } from '../crc32c.ts';
import { assembleBatch } from './assemble.ts';
import { BATCH_HEADER_BYTES, type BatchHeader, CRC_FROM, LENGTH_PREFIX_BYTES } from './header.ts';
import { writeInt64 } from './int64.ts';

/** Some records of a batch, as `scanRecords` showed them. */
export interface KeptRecords {
  readonly count: number;
  /** Their bytes in the decompressed section, one after the other. */
  readonly bytes: readonly Buffer[];
  readonly maxTimestamp: number;
}

/**
 * A copy of the batch with these of its records alone, in the same codec. As after Kafka's own compaction it keeps its base
 * offset, its last offset, its producer and its sequence, and every record its offset.
 */
export async function keepRecords(batch: Buffer, header: BatchHeader, kept: KeptRecords): Promise<Buffer> {
  assert(kept.count > 0 && kept.count < header.recordCount, `${kept.count} of ${header.recordCount} records`);
  const records = await compressRecords(header.compression, Buffer.concat(kept.bytes));
  const copy = Buffer.allocUnsafeSlow(BATCH_HEADER_BYTES + records.length);
  batch.copy(copy, 0, 0, BATCH_HEADER_BYTES);
  records.copy(copy, BATCH_HEADER_BYTES);
  copy.writeInt32BE(copy.length - LENGTH_PREFIX_BYTES, 8);
  if (header.timestampType === 'create') writeInt64(copy, kept.maxTimestamp, 35);
  copy.writeInt32BE(kept.count, 57);
  copy.writeUInt32BE(crc32c(copy.subarray(CRC_FROM)), 17);
  return copy;
}

/** A batch of no records that takes the place of offsets [baseOffset, endOffset), at most 2^31 of them. Clients pass over it. */
export function emptyBatch(baseOffset: number, endOffset: number, partitionLeaderEpoch: number): Buffer {
  assert(endOffset > baseOffset && endOffset - baseOffset <= 2 ** 31, `[${baseOffset}, ${endOffset})`);
  const fields = {
    baseOffset,
    partitionLeaderEpoch,
    compression: 'none',
    baseTimestamp: -1,
    maxTimestamp: -1,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    recordCount: 0,
    lastOffsetDelta: endOffset - baseOffset - 1,
  } as const;
  return assembleBatch(fields, Buffer.alloc(0));
}
