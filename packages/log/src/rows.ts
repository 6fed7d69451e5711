import type { CompactionStep } from './compaction.ts';
import type { EpochStart } from './leader-epochs.ts';
import type { ProducerState } from './types.ts';

/** Raised when a row's layout or meaning changes. A segment of a format that is not read is refused at open. */
export const FORMAT = 4;
/** In format 3 no range ended within a value, and no producers were a leader's. */
export const FORMATS_READ: readonly number[] = [3, FORMAT];

const MAGIC = 'edgelog-log';

export interface HeaderRow {
  format: number;
  segmentId: number;
  nextPartitionId: number;
}

export function encodeHeader(row: HeaderRow): Buffer {
  const bytes = Buffer.alloc(MAGIC.length + 16);
  bytes.write(MAGIC, 0, 'latin1');
  bytes.writeUInt32BE(row.format, MAGIC.length);
  bytes.writeDoubleBE(row.segmentId, MAGIC.length + 4);
  bytes.writeUInt32BE(row.nextPartitionId, MAGIC.length + 12);
  return bytes;
}

/** Undefined where the row is not one of ours. */
export function decodeHeader(bytes: Buffer): HeaderRow | undefined {
  if (bytes.length < MAGIC.length + 16 || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC)
    return undefined;
  return {
    format: bytes.readUInt32BE(MAGIC.length),
    segmentId: bytes.readDoubleBE(MAGIC.length + 4),
    nextPartitionId: bytes.readUInt32BE(MAGIC.length + 12),
  };
}

export interface PartitionRow {
  name: string;
  logStartOffset: number;
  /** End of the log when the row was written; batches of the same segment may reach further. */
  logEndOffset: number;
  /** Bytes of batches ever appended, up to `logEndOffset`. */
  bytesEnd: number;
  epochs: readonly EpochStart[];
}

export function encodePartition(row: PartitionRow): Buffer {
  const name = Buffer.from(row.name);
  const bytes = Buffer.allocUnsafe(28 + 12 * row.epochs.length + name.length);
  bytes.writeDoubleBE(row.logStartOffset, 0);
  bytes.writeDoubleBE(row.logEndOffset, 8);
  bytes.writeDoubleBE(row.bytesEnd, 16);
  bytes.writeUInt32BE(row.epochs.length, 24);
  let at = 28;
  for (const { epoch, startOffset } of row.epochs) {
    bytes.writeUInt32BE(epoch, at);
    bytes.writeDoubleBE(startOffset, at + 4);
    at += 12;
  }
  name.copy(bytes, at);
  return bytes;
}

export function decodePartition(bytes: Buffer): PartitionRow {
  const epochs: EpochStart[] = [];
  let at = 28;
  for (let left = bytes.readUInt32BE(24); left > 0; left--, at += 12) {
    epochs.push({ epoch: bytes.readUInt32BE(at), startOffset: bytes.readDoubleBE(at + 4) });
  }
  return {
    name: bytes.toString('utf8', at),
    logStartOffset: bytes.readDoubleBE(0),
    logEndOffset: bytes.readDoubleBE(8),
    bytesEnd: bytes.readDoubleBE(16),
    epochs,
  };
}

const PRODUCER_BYTES = 22;
const PRODUCER_BATCH_BYTES = 28;

export function encodeProducer(state: ProducerState): Buffer {
  const bytes = Buffer.allocUnsafe(PRODUCER_BYTES + PRODUCER_BATCH_BYTES * state.batches.length);
  bytes.writeInt16BE(state.producerEpoch, 0);
  bytes.writeUInt32BE(state.nextSequence, 2);
  bytes.writeDoubleBE(state.recordCount, 6);
  bytes.writeDoubleBE(state.lastAppendTime, 14);
  let at = PRODUCER_BYTES;
  for (const batch of state.batches) {
    bytes.writeUInt32BE(batch.firstSequence, at);
    bytes.writeUInt32BE(batch.lastSequence, at + 4);
    bytes.writeDoubleBE(batch.baseOffset, at + 8);
    bytes.writeDoubleBE(batch.timestamp, at + 16);
    bytes.writeUInt32BE(batch.crc, at + 24);
    at += PRODUCER_BATCH_BYTES;
  }
  return bytes;
}

export function decodeProducer(producerId: number, bytes: Buffer): ProducerState {
  const batches: ProducerState['batches'] = [];
  for (let at = PRODUCER_BYTES; at < bytes.length; at += PRODUCER_BATCH_BYTES) {
    batches.push({
      firstSequence: bytes.readUInt32BE(at),
      lastSequence: bytes.readUInt32BE(at + 4),
      baseOffset: bytes.readDoubleBE(at + 8),
      timestamp: bytes.readDoubleBE(at + 16),
      crc: bytes.readUInt32BE(at + 24),
    });
  }
  return {
    producerId,
    producerEpoch: bytes.readInt16BE(0),
    nextSequence: bytes.readUInt32BE(2),
    recordCount: bytes.readDoubleBE(6),
    lastAppendTime: bytes.readDoubleBE(14),
    batches,
  };
}

/** The part of a partition that one segment holds. Offsets are [baseOffset, endOffset). */
export interface SegmentRange {
  segmentId: number;
  baseOffset: number;
  endOffset: number;
  bytesBefore: number;
  bytesEnd: number;
  /** −1 where no record has a timestamp. */
  maxTimestamp: number;
  /** When the latest of its batches was appended, epoch milliseconds. */
  maxAppendTime: number;
}

export function encodeRange(range: SegmentRange): Buffer {
  const bytes = Buffer.allocUnsafe(48);
  bytes.writeDoubleBE(range.baseOffset, 0);
  bytes.writeDoubleBE(range.endOffset, 8);
  bytes.writeDoubleBE(range.bytesBefore, 16);
  bytes.writeDoubleBE(range.bytesEnd, 24);
  bytes.writeDoubleBE(range.maxTimestamp, 32);
  bytes.writeDoubleBE(range.maxAppendTime, 40);
  return bytes;
}

export function decodeRange(segmentId: number, bytes: Buffer): SegmentRange {
  return {
    segmentId,
    baseOffset: bytes.readDoubleBE(0),
    endOffset: bytes.readDoubleBE(8),
    bytesBefore: bytes.readDoubleBE(16),
    bytesEnd: bytes.readDoubleBE(24),
    maxTimestamp: bytes.readDoubleBE(32),
    maxAppendTime: bytes.readDoubleBE(40),
  };
}

/** What the state says of a sealed segment. */
export interface SegmentRow {
  /** How often it was cleaned: names its file. */
  generation: number;
  /** Bytes of batches in that file, dead or alive. */
  batchBytes: number;
}

export function encodeSegment({ generation, batchBytes }: SegmentRow): Buffer {
  const bytes = Buffer.allocUnsafe(12);
  bytes.writeUInt32BE(generation, 0);
  bytes.writeDoubleBE(batchBytes, 4);
  return bytes;
}

export function decodeSegment(bytes: Buffer): SegmentRow {
  return { generation: bytes.readUInt32BE(0), batchBytes: bytes.readDoubleBE(4) };
}

const STEP_BYTES = 17;

export function encodeCompaction(steps: readonly CompactionStep[]): Buffer {
  const bytes = Buffer.allocUnsafe(STEP_BYTES * steps.length);
  steps.forEach(({ endOffset, cleanedAt, hasTombstones }, index) => {
    bytes.writeDoubleBE(endOffset, STEP_BYTES * index);
    bytes.writeDoubleBE(cleanedAt, STEP_BYTES * index + 8);
    bytes.writeUInt8(hasTombstones ? 1 : 0, STEP_BYTES * index + 16);
  });
  return bytes;
}

export function decodeCompaction(bytes: Buffer): CompactionStep[] {
  return Array.from({ length: bytes.length / STEP_BYTES }, (_, index) => ({
    endOffset: bytes.readDoubleBE(STEP_BYTES * index),
    cleanedAt: bytes.readDoubleBE(STEP_BYTES * index + 8),
    hasTombstones: bytes.readUInt8(STEP_BYTES * index + 16) === 1,
  }));
}

/** A row that is one number. */
export function encodeNumber(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleBE(number);
  return bytes;
}

export function decodeNumber(bytes: Buffer): number {
  return bytes.readDoubleBE(0);
}
