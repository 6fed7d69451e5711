import { EdgelogError } from '@edgelog/base';
import { headerKey, RowKind } from './keys.ts';
import type { PartitionSeed } from './partition.ts';
import {
  decodeCompaction,
  decodeHeader,
  decodeNumber,
  decodePartition,
  decodeProducer,
  decodeRange,
  decodeSegment,
  FORMATS_READ,
  type HeaderRow,
  type SegmentRow,
} from './rows.ts';
import type { Segment } from './segment.ts';

/** Everything a segment's state says, with the ends that its own batches give. */
export interface Recovered {
  format: number;
  nextPartitionId: number;
  state: Map<string, Buffer>;
  partitions: Map<number, PartitionSeed>;
  /** The older segments by number. */
  segments: Map<number, SegmentRow>;
  /** Bytes of batches in the segment itself. */
  activeBytes: number;
}

/** Reads the state of the newest segment. Throws DATA_DIR_INVALID when it is none of ours or of another format. */
export function recover(segment: Segment, path: string): Recovered {
  const { format, nextPartitionId } = readHeader(segment, path);
  const recovered: Recovered = {
    format,
    nextPartitionId,
    state: new Map(),
    partitions: new Map(),
    segments: new Map(),
    activeBytes: 0,
  };
  for (const { key, value } of segment.rows(RowKind.state)) {
    recovered.state.set(key.toString('utf8', 1), value);
  }
  for (const { key, value } of segment.rows(RowKind.partition)) {
    const id = key.readUInt32BE(1);
    const { epochs, ...row } = decodePartition(value);
    const seed: PartitionSeed = {
      id,
      ...row,
      epochs: [...epochs],
      producers: new Map(),
      ranges: [],
      tail: [],
      compaction: [],
      producersThrough: 0,
    };
    recovered.partitions.set(id, seed);
  }
  const seedOf = (key: Buffer): PartitionSeed => {
    const id = key.readUInt32BE(1);
    const seed = recovered.partitions.get(id);
    if (seed === undefined) throw invalid(path, `it has rows of partition ${id}, which it does not know`);
    return seed;
  };
  for (const { key, value } of segment.rows(RowKind.producer)) {
    const producerId = key.readDoubleBE(5);
    seedOf(key).producers.set(producerId, decodeProducer(producerId, value));
  }
  for (const { key, value } of segment.rows(RowKind.tail)) {
    seedOf(key).tail.push({
      baseOffset: key.readDoubleBE(5),
      recordCount: key.readUInt32BE(13),
      bytes: value,
    });
  }
  for (const { key, value } of segment.rows(RowKind.range)) {
    seedOf(key).ranges.push(decodeRange(key.readDoubleBE(5), value));
  }
  // Rows come by segment, and a compacted segment has a number apart from the order in which offsets were given.
  for (const { ranges } of recovered.partitions.values()) ranges.sort((a, b) => a.baseOffset - b.baseOffset);
  for (const { key, value } of segment.rows(RowKind.compaction)) {
    seedOf(key).compaction = decodeCompaction(value);
  }
  for (const { key, value } of segment.rows(RowKind.producersThrough)) {
    seedOf(key).producersThrough = decodeNumber(value);
  }
  for (const { key, value } of segment.rows(RowKind.segment)) {
    recovered.segments.set(key.readDoubleBE(1), decodeSegment(value));
  }
  for (const seed of recovered.partitions.values()) recovered.activeBytes += addActiveRange(segment, seed);
  return recovered;
}

function readHeader(segment: Segment, path: string): HeaderRow {
  if (segment.id < 0)
    throw invalid(path, 'it holds what compaction left, and the segment that knows it is gone');
  const bytes = segment.get(headerKey());
  const header = bytes && decodeHeader(bytes);
  if (header === undefined) throw invalid(path, 'it is not a segment of an Edgelog log');
  if (!FORMATS_READ.includes(header.format)) {
    const readable = FORMATS_READ.join(' and ');
    throw invalid(path, `it has format ${header.format}, this version reads format ${readable}`);
  }
  if (header.segmentId !== segment.id) throw invalid(path, `it calls itself segment ${header.segmentId}`);
  return header;
}

/** The partition's batches in the newest segment itself, which no row describes. Returns their bytes. */
function addActiveRange(segment: Segment, seed: PartitionSeed): number {
  const first = segment.first(seed.id);
  const last = segment.floor(seed.id, Number.MAX_SAFE_INTEGER);
  if (first === undefined || last === undefined) return 0;
  const bytesEnd = last.bytesBefore + segment.valueScratch(seed.id, last).length;
  seed.logEndOffset = last.endOffset;
  seed.bytesEnd = bytesEnd;
  seed.ranges.push({
    segmentId: segment.id,
    baseOffset: first.baseOffset,
    endOffset: last.endOffset,
    bytesBefore: first.bytesBefore,
    bytesEnd,
    maxTimestamp: last.maxTimestamp,
    maxAppendTime: last.maxAppendTime,
  });
  return bytesEnd - first.bytesBefore;
}

function invalid(path: string, what: string): EdgelogError {
  return new EdgelogError('DATA_DIR_INVALID', `${path}: ${what}`);
}
