import { assert } from '@edgelog/base';
import { type CompressionEffort, compressRecords, compressRecordsSync } from '../compression/index.ts';
import { assembleBatch, type BatchFields } from './assemble.ts';
import type { CompressionName } from './header.ts';
import type { RecordHeader } from './record.ts';
import { writeBytes, writeString } from './record-fields.ts';
import { VARINT_BYTES_MAX, varintBytes, writeVarint } from './varint.ts';

export interface NewRecord {
  /** Milliseconds since the epoch; may be before the batch's base. */
  timestamp: number;
  key: Buffer | string | null;
  value: Buffer | null;
  headers?: readonly RecordHeader[];
}

export interface SealOptions {
  compression: CompressionName;
  /** Default `usual`. */
  effort?: CompressionEffort;
  producerId: number;
  producerEpoch: number;
  baseSequence: number;
  /** −1, unknown, unless given: the leader writes its own. */
  partitionLeaderEpoch?: number;
  /** Gives what the batch is made in, of the size asked for. Default: memory of its own. */
  memory?: ((sizeBytes: number) => Buffer) | undefined;
}

const FIRST_CAPACITY_BYTES = 4096;

/** Length, timestamp delta, offset delta, the lengths of key and value, header count; the attributes byte fits with them. */
const RECORD_VARINTS = 6;

/** Lengths of key and value. */
const HEADER_VARINTS = 2;

/** UTF-8 takes at most 3 bytes for a UTF-16 unit. */
const UTF8_BYTES_PER_UNIT = 3;

/**
 * The records section of one batch, encoded once as records come. Offsets count up from `baseOffset`; offsets and
 * timestamps are written as deltas to the base. Bytes once written never change or move as seen from outside, so a
 * slice stays valid, and records may be appended while an earlier `seal` is still compressing.
 */
export class RecordsEncoder {
  readonly baseOffset: number;
  readonly baseTimestamp: number;
  #buf: Buffer;
  #size = 0;
  #count = 0;
  #maxTimestamp = -1;

  /** `memory` is what is written to first, for one who knows how much will come; beyond it memory grows with the records. */
  constructor(base: { baseOffset: number; baseTimestamp: number; memory?: Buffer | undefined }) {
    this.#buf = base.memory ?? Buffer.allocUnsafeSlow(FIRST_CAPACITY_BYTES);
    this.baseOffset = base.baseOffset;
    this.baseTimestamp = base.baseTimestamp;
  }

  /** What the records are in, and maybe more: theirs alone as long as anybody asks this encoder for them. */
  get memory(): Buffer {
    return this.#buf;
  }

  /** Records so far; the next one's offset is `baseOffset + count`. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the records section so far, uncompressed, without the batch header. */
  get sizeBytes(): number {
    return this.#size;
  }

  /** −1 as long as there is no record. */
  get maxTimestamp(): number {
    return this.#maxTimestamp;
  }

  /** Encodes one record; gives the bytes it added. */
  append(record: NewRecord): number {
    const { timestamp, key, value, headers } = record;
    assert(Number.isSafeInteger(timestamp), `record timestamp ${timestamp}`);
    const start = this.#size;
    const lengthBytes = varintBytes(this.#reserve(record));
    const buf = this.#buf;

    let at = start + lengthBytes;
    buf[at++] = 0; // attributes
    at = writeVarint(buf, timestamp - this.baseTimestamp, at);
    at = writeVarint(buf, this.#count, at);
    at = typeof key === 'string' ? writeString(buf, key, at) : writeBytes(buf, key, at);
    at = writeBytes(buf, value, at);
    at = writeVarint(buf, headers?.length ?? 0, at);
    if (headers !== undefined) {
      for (const header of headers) {
        at = writeString(buf, header.key, at);
        at = writeBytes(buf, header.value, at);
      }
    }

    const bodyFrom = start + lengthBytes;
    const bodyBytes = at - bodyFrom;
    const shift = varintBytes(bodyBytes) - lengthBytes;
    if (shift !== 0) buf.copyWithin(bodyFrom + shift, bodyFrom, at);
    writeVarint(buf, bodyBytes, start);
    this.#size = at + shift;
    this.#count++;
    if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp;
    return this.#size - start;
  }

  /** A view of what was added from byte `fromByte` of the records section on. */
  slice(fromByte: number): Buffer {
    assert(fromByte >= 0 && fromByte <= this.#size, `slice from byte ${fromByte} of ${this.#size}`);
    return this.#buf.subarray(fromByte, this.#size);
  }

  /**
   * Appends a chunk that `slice` of an encoder with the same base gave when it held as many records as this one
   * does; `count` and `maxTimestamp` are those of the chunk. The bytes are trusted: their keeper checks them.
   */
  restore(bytes: Buffer, count: number, maxTimestamp: number): void {
    this.#ensure(bytes.length);
    bytes.copy(this.#buf, this.#size);
    this.#size += bytes.length;
    this.#count += count;
    this.#maxTimestamp = Math.max(this.#maxTimestamp, maxTimestamp);
  }

  /** One whole batch of the records so far (at least one), compressed on the thread pool. */
  async seal(options: SealOptions): Promise<Buffer> {
    const fields = this.#batchFields(options);
    const records = await compressRecords(options.compression, this.slice(0), options.effort);
    return assembleBatch(fields, records, options.memory);
  }

  /** As `seal`, on the calling thread. */
  sealSync(options: SealOptions): Buffer {
    return assembleBatch(
      this.#batchFields(options),
      compressRecordsSync(options.compression, this.slice(0), options.effort),
      options.memory,
    );
  }

  #batchFields({
    compression,
    producerId,
    producerEpoch,
    baseSequence,
    partitionLeaderEpoch,
  }: SealOptions): BatchFields {
    assert(this.#count > 0, 'a batch of no records was sealed');
    return {
      baseOffset: this.baseOffset,
      partitionLeaderEpoch: partitionLeaderEpoch ?? -1,
      compression,
      baseTimestamp: this.baseTimestamp,
      maxTimestamp: this.#maxTimestamp,
      producerId,
      producerEpoch,
      baseSequence,
      recordCount: this.#count,
    };
  }

  /** Makes room for the record; gives a guess of its body's size, exact where all is short and ASCII. */
  #reserve({ key, value, headers }: NewRecord): number {
    let content = value?.length ?? 0;
    let strings = 0;
    if (typeof key === 'string') strings = key.length;
    else if (key !== null) content += key.length;
    let varints = RECORD_VARINTS;
    if (headers !== undefined) {
      for (const header of headers) {
        strings += header.key.length;
        content += header.value?.length ?? 0;
        varints += HEADER_VARINTS;
      }
    }
    this.#ensure(content + strings * UTF8_BYTES_PER_UNIT + varints * VARINT_BYTES_MAX);
    return content + strings + varints;
  }

  #ensure(bytes: number): void {
    const wanted = this.#size + bytes;
    if (wanted <= this.#buf.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(wanted, this.#buf.length * 2));
    this.#buf.copy(grown, 0, 0, this.#size);
    this.#buf = grown;
  }
}
