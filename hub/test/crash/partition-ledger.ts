import type { KeyedRecord, Located } from './check-compacted.ts';

/** A batch as a producer handed it to a socket. */
export interface SentBatch {
  /** Tells it from every other batch: see `batchId`. */
  id: string;
  producerId: number;
  baseSequence: number;
  recordCount: number;
  sizeBytes: number;
  /** Before the first attempt, epoch milliseconds. */
  sentAt: number;
  /** Sent again until it is answered; any other batch has one chance. */
  isIdempotent: boolean;
  /** Of a compacted topic. */
  records?: readonly KeyedRecord[];
}

/** A batch whose place a client knows. */
export interface PlacedBatch extends SentBatch {
  baseOffset: number;
  lastOffset: number;
}

/** What may be deleted of a partition by itself. */
export interface Keeping {
  /** Never less than this is kept. */
  retentionBytes?: number;
  /** Nothing younger than this goes. */
  retentionMs?: number;
  /** Of each key the latest record is kept. */
  isCompacted?: boolean;
}

/** The fields that a broker must not change, the CRC over all records among them. */
export function batchId(header: {
  crc: number;
  producerId: number;
  baseSequence: number;
  recordCount: number;
}): string {
  return `producer ${header.producerId}, sequence ${header.baseSequence}, ${header.recordCount} records, CRC ${header.crc}`;
}

/**
 * What clients know of one partition: what was sent and has no answer yet, and what has a place for ever because a producer was
 * told of it or a consumer saw it.
 */
export class PartitionLedger {
  readonly topic: string;
  readonly index: number;
  readonly keeping: Keeping;
  readonly pending = new Map<string, SentBatch>();
  /** By base offset. */
  readonly placed = new Map<number, PlacedBatch>();
  /** One past the last offset that any client was told of. */
  endOffset = 0;
  /** The highest offset that DeleteRecords was asked for, and the highest that was acknowledged. */
  deletedAsked = 0;
  deletedAcknowledged = 0;
  /** Where a reader last found the start: what lies below is not judged any more. */
  startOffset = 0;
  /** Base offsets of batches of which compaction left nothing. */
  readonly compactedAway = new Set<number>();
  /** Of each key, the latest of those batches. */
  readonly latestGone = new Map<string, Located>();
  /** What was wrong with answers already. */
  readonly contradictions: string[] = [];

  constructor(topic: string, index: number, keeping: Keeping = {}) {
    this.topic = topic;
    this.index = index;
    this.keeping = keeping;
  }

  get name(): string {
    return `${this.topic}-${this.index}`;
  }

  sent(batch: SentBatch): void {
    this.pending.set(batch.id, batch);
  }

  /** A producer was told that its batch begins at `baseOffset`, or a consumer saw it there. */
  place(id: string, baseOffset: number): void {
    const already = this.placed.get(baseOffset);
    const isGone = baseOffset < this.startOffset || this.compactedAway.has(baseOffset);
    if (already?.id === id || isGone) {
      this.pending.delete(id);
      return;
    }
    const batch = this.pending.get(id);
    if (already !== undefined) this.#contradict(`offset ${baseOffset} was of ${already.id}, now of ${id}`);
    else if (batch === undefined) this.#contradict(`at offset ${baseOffset} ${id}, which nobody sent there`);
    else {
      this.pending.delete(id);
      const lastOffset = baseOffset + batch.recordCount - 1;
      this.placed.set(baseOffset, { ...batch, baseOffset, lastOffset });
      this.endOffset = Math.max(this.endOffset, lastOffset + 1);
    }
  }

  /**
   * Takes what a reader found, and found to be right, for what clients know from now on. What lies below the log's start is
   * forgotten, and what a producer will not send again can turn up no more.
   */
  settle(logStartOffset: number, batches: readonly { id: string; baseOffset: number }[]): void {
    for (const { id, baseOffset } of batches) this.place(id, baseOffset);
    this.startOffset = Math.max(this.startOffset, logStartOffset);
    for (const { baseOffset, lastOffset } of [...this.placed.values()])
      if (lastOffset < logStartOffset) this.placed.delete(baseOffset);
    for (const { id, isIdempotent } of [...this.pending.values()]) if (!isIdempotent) this.pending.delete(id);
  }

  #contradict(what: string): void {
    this.contradictions.push(`${this.name}: ${what}`);
  }
}
