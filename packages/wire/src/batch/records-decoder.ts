import { EdgelogError } from '@edgelog/base';
import { decompressRecords } from '../compression/index.ts';
import { BATCH_HEADER_BYTES, type BatchHeader } from './header.ts';
import { readBatchHeader } from './read-header.ts';
import type { BatchRecord, RecordHeader } from './record.ts';
import { VarintReader } from './varint.ts';

/** A record header takes two bytes at least: the lengths of its key and of its value. */
const RECORD_HEADER_BYTES_MIN = 2;
/** Of one record. A small compressed batch could otherwise hold one with tens of millions, gigabytes in memory. */
const RECORD_HEADERS_MAX = 100_000;

/**
 * The records of one whole batch, lazily, under any codec. The CRC is not checked here. Throws CORRUPT_BATCH, naming
 * the record's index and the byte within the (decompressed) records section, and LIMIT_EXCEEDED where that section
 * would be larger than `bytesMax` (by default DECOMPRESSED_BYTES_MAX).
 */
export function* iterateRecords(batch: Buffer, bytesMax?: number): Generator<BatchRecord, void, undefined> {
  const header = readBatchHeader(batch);
  const decoder = new RecordsDecoder(header, recordsSection(batch, header, bytesMax));
  for (let index = 0; index < header.recordCount; index++) yield decoder.next(index);
  decoder.end();
}

/** One record where it lies in the records section of its batch, decompressed; used again for the next one. */
export interface RecordSpan {
  section: Buffer;
  /** Bytes [from, to) of the section are the record, with its length. */
  from: number;
  to: number;
  offset: number;
  timestamp: number;
  /** Bytes [keyFrom, keyTo) are the key; −1 where it is null. */
  keyFrom: number;
  keyTo: number;
  isTombstone: boolean;
}

/**
 * Shows `visit` every record of one whole batch without making anything of it; headers are not looked at. Throws as
 * `iterateRecords` does.
 */
export function scanRecords(
  batch: Buffer,
  header: BatchHeader,
  visit: (span: RecordSpan) => void,
  bytesMax?: number,
): void {
  const section = recordsSection(batch, header, bytesMax);
  const decoder = new RecordsDecoder(header, section);
  const span = { section, from: 0, to: 0, offset: 0, timestamp: 0, keyFrom: 0, keyTo: 0, isTombstone: false };
  for (let index = 0; index < header.recordCount; index++) {
    decoder.scan(index, span);
    visit(span);
  }
  decoder.end();
}

function recordsSection(batch: Buffer, header: BatchHeader, bytesMax: number | undefined): Buffer {
  const compressed = batch.subarray(BATCH_HEADER_BYTES, header.sizeBytes);
  return decompressRecords(header.compression, compressed, bytesMax);
}

class RecordsDecoder {
  readonly #header: BatchHeader;
  readonly #buf: Buffer;
  readonly #reader: VarintReader;
  #index = 0;
  #recordEnd = 0;
  #previousOffsetDelta = -1;

  constructor(header: BatchHeader, records: Buffer) {
    this.#header = header;
    this.#buf = records;
    this.#reader = new VarintReader(records);
  }

  next(index: number): BatchRecord {
    this.#begin(index);
    const timestamp = this.#timestamp();
    const offset = this.#offset();
    const key = this.#bytes('key');
    const value = this.#bytes('value');
    const headers = this.#recordHeaders();
    if (this.#reader.at !== this.#recordEnd)
      throw this.#corrupt(`${this.#recordEnd - this.#reader.at} bytes too many`);
    return { offset, timestamp, key, value, headers };
  }

  scan(index: number, span: RecordSpan): void {
    span.from = this.#reader.at;
    this.#begin(index);
    span.to = this.#recordEnd;
    span.timestamp = this.#timestamp();
    span.offset = this.#offset();
    const keyLength = this.#length('key');
    span.keyFrom = keyLength < 0 ? -1 : this.#reader.at;
    span.keyTo = this.#reader.at + keyLength;
    if (keyLength > 0) this.#reader.at += keyLength;
    span.isTombstone = this.#length('value') < 0;
    this.#reader.at = this.#recordEnd;
  }

  /** To where the record's timestamp begins. */
  #begin(index: number): void {
    this.#index = index;
    this.#recordEnd = this.#buf.length;
    const length = this.#varint('length');
    if (length < 0 || length > this.#buf.length - this.#reader.at) throw this.#corrupt(`length ${length}`);
    this.#recordEnd = this.#reader.at + length;
    if (length === 0) throw this.#corrupt('empty record');
    this.#reader.at++; // attributes: no bit has a meaning yet
  }

  end(): void {
    const left = this.#buf.length - this.#reader.at;
    if (left !== 0)
      throw this.#corrupt(`${left} bytes after the last of ${this.#header.recordCount} records`);
  }

  #timestamp(): number {
    const timestamp = this.#header.baseTimestamp + this.#varint('timestamp delta');
    if (!Number.isSafeInteger(timestamp)) throw this.#corrupt('timestamp out of range');
    return this.#header.timestampType === 'append' ? this.#header.maxTimestamp : timestamp;
  }

  #offset(): number {
    const delta = this.#varint('offset delta');
    if (delta <= this.#previousOffsetDelta || delta > this.#header.lastOffsetDelta) {
      throw this.#corrupt(
        `offset delta ${delta} after ${this.#previousOffsetDelta}, of at most ${this.#header.lastOffsetDelta}`,
      );
    }
    this.#previousOffsetDelta = delta;
    return this.#header.baseOffset + delta;
  }

  #recordHeaders(): RecordHeader[] {
    const count = this.#varint('header count');
    if (count < 0 || count * RECORD_HEADER_BYTES_MIN > this.#recordEnd - this.#reader.at) {
      throw this.#corrupt(`header count ${count}`);
    }
    if (count > RECORD_HEADERS_MAX) {
      throw this.#corrupt(`header count ${count}, at most ${RECORD_HEADERS_MAX} are read`);
    }
    const headers: RecordHeader[] = [];
    for (let i = 0; i < count; i++)
      headers.push({ key: this.#headerKey(), value: this.#bytes('header value') });
    return headers;
  }

  #headerKey(): string {
    const length = this.#length('header key');
    if (length < 0) throw this.#corrupt('null header key');
    const from = this.#reader.at;
    this.#reader.at = from + length;
    return this.#buf.toString('utf8', from, from + length);
  }

  #bytes(field: string): Buffer | null {
    const length = this.#length(field);
    if (length < 0) return null;
    const from = this.#reader.at;
    this.#reader.at = from + length;
    return this.#buf.subarray(from, from + length);
  }

  /** −1 for null, else a length that fits into the record. */
  #length(field: string): number {
    const length = this.#varint(`${field} length`);
    if (length < -1 || length > this.#recordEnd - this.#reader.at)
      throw this.#corrupt(`${field} length ${length}`);
    return length;
  }

  #varint(field: string): number {
    const value = this.#reader.read(this.#recordEnd);
    if (Number.isNaN(value)) throw this.#corrupt(`unreadable ${field}`);
    return value;
  }

  #corrupt(what: string): EdgelogError {
    const where = `record ${this.#index} of the batch at offset ${this.#header.baseOffset}`;
    return new EdgelogError('CORRUPT_BATCH', `${where}: ${what}, at byte ${this.#reader.at} of its records`);
  }
}
