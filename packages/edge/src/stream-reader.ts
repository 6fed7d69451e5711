import { StoredDamageError } from '@edgelog/log';
import { type BatchRecord, iterateRecords, readBatchHeader } from '@edgelog/wire';
import type { EdgeStream } from './edge-stream.ts';

/** Offsets that cannot be read; `to` is behind the last of them. */
export interface LostRange {
  from: number;
  to: number;
  reason: string;
}

/** What one read found: records of one batch, in order and decoded as they are taken, or a range without any. */
export type ReadPart = { next: number } & ({ records: Iterable<BatchRecord> } | { lost: LostRange });

/** Sealed batches are read one by one. */
const ONE_BATCH = { maxBytes: 1 };

/** Reads a stream on the gateway itself, sealed or not, up to what is on disk; holds nothing between two reads. */
export class StreamReader {
  readonly #stream: EdgeStream;

  constructor(stream: EdgeStream) {
    this.#stream = stream;
  }

  get firstOffset(): number {
    return this.#stream.log.logStartOffset;
  }

  /** One past the newest reading that can be read. */
  get nextOffset(): number {
    return this.#stream.durableEndOffset;
  }

  /** From `offset` on, up to the end of the batch that holds it; undefined while there is nothing to read yet. */
  read(offset: number): ReadPart | undefined {
    const { log } = this.#stream;
    if (offset < log.logStartOffset) {
      return { next: log.logStartOffset, lost: { from: offset, to: log.logStartOffset, reason: 'freed' } };
    }
    if (offset >= this.nextOffset) return undefined;
    if (offset >= log.flushedEndOffset) {
      const batch = this.#stream.unsealedBatch(offset);
      return batch && this.#partOf(batch, offset);
    }
    try {
      return this.#partOf(log.read(offset, ONE_BATCH).batches[0]!, offset);
    } catch (error) {
      if (!(error instanceof StoredDamageError)) throw error;
      const { endOffset, reason } = error.damage;
      const to = Math.max(offset + 1, Math.min(endOffset, log.flushedEndOffset));
      return { next: to, lost: { from: offset, to, reason: `damaged: ${reason}` } };
    }
  }

  /** The first reading at or after a time, ms; the end where there is none. */
  offsetAt(timestamp: number): number {
    const { log } = this.#stream;
    const sealed = log.offsetForTimestamp(timestamp);
    if (sealed !== undefined) return Math.max(sealed.offset, this.firstOffset);
    for (let at = Math.max(log.flushedEndOffset, this.firstOffset); at < this.nextOffset; ) {
      const part = this.read(at);
      if (part === undefined || 'lost' in part) break;
      for (const record of part.records) if (record.timestamp >= timestamp) return record.offset;
      at = part.next;
    }
    return this.nextOffset;
  }

  #partOf(batch: Buffer, offset: number): ReadPart {
    const next = Math.min(readBatchHeader(batch).lastOffset + 1, this.nextOffset);
    return { next, records: between(batch, offset, next) };
  }
}

function* between(batch: Buffer, from: number, to: number): Generator<BatchRecord, void, undefined> {
  for (const record of iterateRecords(batch)) {
    if (record.offset >= to) return;
    if (record.offset >= from) yield record;
  }
}
