import { assert } from '@edgelog/base';
import { crc32c } from '../crc32c.ts';
import { CRC_FROM } from './header.ts';
import { writeInt64 } from './int64.ts';
import { ATTRIBUTE, readBatchHeader, verifyBatchCrc } from './read-header.ts';

/** Writes, in place, the two fields a broker owns. Both lie outside the CRC, which stays valid. */
export function patchBatchOffset(
  buf: Buffer,
  at: number,
  baseOffset: number,
  partitionLeaderEpoch: number,
): void {
  assert(Number.isSafeInteger(baseOffset) && baseOffset >= 0, `base offset ${baseOffset}`);
  writeInt64(buf, baseOffset, at);
  buf.writeInt32BE(partitionLeaderEpoch, at + 12);
}

/** A copy of one whole batch under another producer id, with a new CRC. Records and boundaries stay as they are. */
export function restampProducer(batch: Buffer, producerId: number): Buffer {
  assert(Number.isSafeInteger(producerId), `producer id ${producerId}`);
  const { sizeBytes } = readBatchHeader(batch);
  const copy = Buffer.allocUnsafeSlow(sizeBytes);
  batch.copy(copy, 0, 0, sizeBytes);
  writeInt64(copy, producerId, 43);
  copy.writeUInt32BE(crc32c(copy.subarray(CRC_FROM)), 17);
  return copy;
}

/**
 * Gives one whole batch the broker's time, in place: all its records then have `timestampMs`, whatever their own say. The
 * fields lie under the CRC, so it is checked before and made anew; throws CORRUPT_BATCH when it was wrong.
 */
export function stampAppendTime(batch: Buffer, timestampMs: number): void {
  const header = readBatchHeader(batch);
  verifyBatchCrc(batch, 0, header);
  batch.writeInt16BE(header.attributes | ATTRIBUTE.appendTime, 21);
  writeInt64(batch, timestampMs, 35);
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_FROM, header.sizeBytes)), 17);
}
