import { crc32c } from '@edgelog/wire';

/**
 * Keys of the one table in a segment. The first byte says what the row is; numbers are big endian, and offsets are
 * IEEE doubles, whose bytes sort like their values where they are not negative.
 *
 * A stored value (one or more whole batches of one partition, back to back) carries what a search needs in its key,
 * so that searching never touches the batches: kind u8 · partition id u32 · base offset f64 · end offset f64 ·
 * bytes of the partition stored before it f64 · largest timestamp and latest append time of the partition in this segment
 * so far, f64 each · leader epoch i32 · CRC-32C of all that u32. So a flipped bit in a key is found.
 */
export const RowKind = {
  /** The last row of a segment's initial copy of the state: format number, segment id, next partition id. */
  header: 1,
  /** An entry of the state table. */
  state: 2,
  partition: 3,
  producer: 4,
  /** A chunk of an open tail. */
  tail: 5,
  /** Which offsets of a partition an older segment holds. */
  range: 6,
  /** Which file an older segment is, and what it holds. */
  segment: 7,
  /** How far a partition is compacted. */
  compaction: 8,
  /** Up to which commit the segment has everything. */
  journal: 9,
  /** Up to where the states of a partition's producers are its leader's. */
  producersThrough: 10,
  /** Batches. */
  value: 16,
} as const;

/** Where a stored value lies, and what retention and look-ups need to know of it. Offsets are [baseOffset, endOffset). */
export interface ValueBounds {
  baseOffset: number;
  endOffset: number;
  /** Bytes of batches this partition stored before this value, since the partition was made. */
  bytesBefore: number;
  /** The largest timestamp of this and all earlier values of the partition in this segment. */
  maxTimestamp: number;
  /** Likewise the latest time at which one of their batches was appended, epoch milliseconds. */
  maxAppendTime: number;
}

/** A stored value as its key describes it. */
export interface ValueKey extends ValueBounds {
  /** All its batches have this one: they carry it outside their CRC. */
  leaderEpoch: number;
}

export const VALUE_KEY_BYTES = 53;
const KEY_CRC_AT = VALUE_KEY_BYTES - 4;

export function valueKey(partitionId: number, key: ValueKey): Buffer {
  const bytes = prefixed(RowKind.value, partitionId, VALUE_KEY_BYTES - 5);
  bytes.writeDoubleBE(key.baseOffset, 5);
  bytes.writeDoubleBE(key.endOffset, 13);
  bytes.writeDoubleBE(key.bytesBefore, 21);
  bytes.writeDoubleBE(key.maxTimestamp, 29);
  bytes.writeDoubleBE(key.maxAppendTime, 37);
  bytes.writeInt32BE(key.leaderEpoch, 45);
  bytes.writeUInt32BE(crc32c(bytes.subarray(0, KEY_CRC_AT)), KEY_CRC_AT);
  return bytes;
}

/** Undefined where the key is damaged. */
export function parseValueKey(bytes: Buffer): ValueKey | undefined {
  if (bytes.length !== VALUE_KEY_BYTES) return undefined;
  if (crc32c(bytes.subarray(0, KEY_CRC_AT)) !== bytes.readUInt32BE(KEY_CRC_AT)) return undefined;
  return {
    baseOffset: bytes.readDoubleBE(5),
    endOffset: bytes.readDoubleBE(13),
    bytesBefore: bytes.readDoubleBE(21),
    maxTimestamp: bytes.readDoubleBE(29),
    maxAppendTime: bytes.readDoubleBE(37),
    leaderEpoch: bytes.readInt32BE(45),
  };
}

/** Sorts after every value of the partition whose base offset is ≤ `offset`, and before all others. */
export function afterValuesAt(partitionId: number, offset: number): Buffer {
  const bytes = prefixed(RowKind.value, partitionId, 9);
  bytes.writeDoubleBE(offset, 5);
  bytes[13] = 0xff;
  return bytes;
}

/** Sorts before all values of the partition. */
export function valuePrefix(partitionId: number): Buffer {
  return prefixed(RowKind.value, partitionId, 0);
}

export function headerKey(): Buffer {
  return Buffer.of(RowKind.header);
}

export function journalKey(): Buffer {
  return Buffer.of(RowKind.journal);
}

export function stateKey(key: string): Buffer {
  return Buffer.concat([Buffer.of(RowKind.state), Buffer.from(key)]);
}

export function partitionKey(partitionId: number): Buffer {
  return prefixed(RowKind.partition, partitionId, 0);
}

export function compactionKey(partitionId: number): Buffer {
  return prefixed(RowKind.compaction, partitionId, 0);
}

export function producersThroughKey(partitionId: number): Buffer {
  return prefixed(RowKind.producersThrough, partitionId, 0);
}

export function producerKey(partitionId: number, producerId: number): Buffer {
  const bytes = prefixed(RowKind.producer, partitionId, 8);
  bytes.writeDoubleBE(producerId, 5);
  return bytes;
}

export function tailKey(partitionId: number, baseOffset: number, recordCount: number): Buffer {
  const bytes = prefixed(RowKind.tail, partitionId, 12);
  bytes.writeDoubleBE(baseOffset, 5);
  bytes.writeUInt32BE(recordCount, 13);
  return bytes;
}

export function rangeKey(partitionId: number, segmentId: number): Buffer {
  const bytes = prefixed(RowKind.range, partitionId, 8);
  bytes.writeDoubleBE(segmentId, 5);
  return bytes;
}

export function segmentKey(segmentId: number): Buffer {
  const bytes = Buffer.allocUnsafe(9);
  bytes[0] = RowKind.segment;
  bytes.writeDoubleBE(segmentId, 1);
  return bytes;
}

function prefixed(kind: number, partitionId: number, more: number): Buffer {
  const bytes = Buffer.allocUnsafe(5 + more);
  bytes[0] = kind;
  bytes.writeUInt32BE(partitionId, 1);
  return bytes;
}
