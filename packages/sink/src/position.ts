import { EdgelogError } from '@edgelog/base';
import { type BatchHeader, crc32c, iterateRecords, SEQUENCE_MODULUS, sequenceOf } from '@edgelog/wire';

const HALF = SEQUENCE_MODULUS / 2;
/** Bytes of a batch header that a topic with LogAppendTime rewrites, from the first byte under the CRC. */
const CRC_FROM = 21;
const ATTRIBUTES_AT = 21;
const MAX_TIMESTAMP_AT = 35;
const APPEND_TIME = 0x08;

/** The edge offset with this sequence that is nearest to `near`. Exact for less than 2^30 records between them. */
export function offsetNear(sequence: number, near: number): number {
  let distance = (sequence - sequenceOf(near)) % SEQUENCE_MODULUS;
  if (distance > HALF) distance -= SEQUENCE_MODULUS;
  if (distance < -HALF) distance += SEQUENCE_MODULUS;
  const offset = near + distance;
  return offset < 0 ? offset + SEQUENCE_MODULUS : offset;
}

/** One past the edge offset of the run's last record, whose sequence is given. */
export function nextAfter(lastSequence: number, near: number): number {
  return offsetNear(lastSequence, near) + 1;
}

/** Of the last record of a batch. */
export function lastSequenceOf({ baseSequence, lastOffsetDelta }: BatchHeader): number {
  return sequenceOf(baseSequence + lastOffsetDelta);
}

/**
 * The CRC that the gateway sealed the batch with. A topic with LogAppendTime has it made anew, over its own time in place of the newest
 * record's, and one bit. Throws CORRUPT_BATCH.
 */
export function sealedCrc(bytes: Buffer, header: BatchHeader): number {
  if (header.timestampType === 'create') return header.crc;
  const sealed = Buffer.from(bytes.subarray(0, header.sizeBytes));
  sealed.writeInt16BE(header.attributes & ~APPEND_TIME, ATTRIBUTES_AT);
  // Read as created: the records have their own times then.
  let maxTimestamp = -1;
  for (const { timestamp } of iterateRecords(sealed)) maxTimestamp = Math.max(maxTimestamp, timestamp);
  if (!Number.isSafeInteger(maxTimestamp)) {
    throw new EdgelogError('CORRUPT_BATCH', `batch at offset ${header.baseOffset}: no record has a time`);
  }
  sealed.writeBigInt64BE(BigInt(maxTimestamp), MAX_TIMESTAMP_AT);
  return crc32c(sealed.subarray(CRC_FROM));
}
