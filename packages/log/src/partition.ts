import { assert, EdgelogError } from '@edgelog/base';
import { type BatchHeader, patchBatchOffset } from '@edgelog/wire';
import { batchFault, type Refusal } from './batch-fault.ts';
import type { CompactionStep } from './compaction.ts';
import type { DamageRegister } from './damage.ts';
import { type JoinArena, VALUE_BYTES_MAX } from './join-arena.ts';
import {
  compactionKey,
  partitionKey,
  producerKey,
  rangeKey,
  tailKey,
  type ValueBounds,
  valueKey,
} from './keys.ts';
import { type EpochStart, LeaderEpochCache } from './leader-epochs.ts';
import { advanceProducer, isExpired, judge } from './producer-state.ts';
import { rangeIndexOf, sizeOf } from './ranges.ts';
import { PartitionReader } from './reader.ts';
import { expiryOf } from './retention.ts';
import { encodeCompaction, encodePartition, encodeProducer, encodeRange, type SegmentRange } from './rows.ts';
import type { RowWrite } from './segment.ts';
import type { SegmentFiles } from './segment-files.ts';
import type {
  AppendOptions,
  AppendResult,
  Expiry,
  PartitionLog,
  ProducerState,
  ReadOptions,
  ReadResult,
  RetentionPolicy,
  StoredDamage,
  TailChunk,
  TimeLookup,
} from './types.ts';

/** What a partition needs of its store. */
export interface PartitionHost {
  readonly segments: SegmentFiles;
  readonly arena: JoinArena;
  now(): number;
  readonly failed: boolean;
  /** Throws STORE_CLOSED. To be asked before anything changes: what was changed by then would be in the last commit. */
  assertOpen(): void;
  /** The partition changed: its rows go into the next commit, with `bytes` of payload. */
  enqueue(partition: Partition, bytes: number): Promise<void>;
  /** A row of its own goes into the next commit. */
  put(row: RowWrite): void;
  /** Resolves when everything enqueued so far is on disk. */
  flushed(): Promise<void>;
  readonly damaged: DamageRegister;
}

/** What recovery found of a partition; a new one has only a name and a start. */
export interface PartitionSeed {
  id: number;
  name: string;
  logStartOffset: number;
  logEndOffset: number;
  bytesEnd: number;
  epochs: EpochStart[];
  producers: Map<number, ProducerState>;
  ranges: SegmentRange[];
  tail: TailChunk[];
  compaction: readonly CompactionStep[];
}

/** A batch that was appended and is not flushed. */
interface Unflushed {
  header: BatchHeader;
  batch: Buffer;
  bytesBefore: number;
  appendTime: number;
}

export class Partition implements PartitionLog {
  readonly id: number;
  readonly name: string;
  readonly leaderEpochs: LeaderEpochCache;
  readonly ranges: SegmentRange[];
  flushedEndOffset: number;
  readonly #host: PartitionHost;
  readonly #reader: PartitionReader;
  readonly #producers: Map<number, ProducerState>;
  readonly #dirtyProducers = new Set<number>();
  readonly #unflushed: Unflushed[] = [];
  /** How many of `#unflushed` are in a commit already. */
  #cut = 0;
  readonly #tail: TailChunk[];
  #logStartOffset: number;
  #logEndOffset: number;
  #bytesEnd: number;
  /** The value that held the log start when it was asked for last. */
  #oldest: ValueBounds | undefined;
  /** Bytes of the unflushed batches that are in no commit yet, and so in no range. */
  #uncutBytes = 0;
  #compaction: readonly CompactionStep[];
  #rowDirty = false;
  #deleted = false;

  constructor(host: PartitionHost, seed: PartitionSeed) {
    this.id = seed.id;
    this.name = seed.name;
    this.ranges = seed.ranges;
    this.#host = host;
    this.#producers = seed.producers;
    this.#tail = seed.tail;
    this.#compaction = seed.compaction;
    this.#logStartOffset = seed.logStartOffset;
    this.#logEndOffset = seed.logEndOffset;
    this.#bytesEnd = seed.bytesEnd;
    this.flushedEndOffset = seed.logEndOffset;
    this.#reader = new PartitionReader(this, host.segments);
    this.leaderEpochs = new LeaderEpochCache(
      seed.epochs,
      () => this.#logEndOffset,
      () => this.markDirty(),
    );
  }

  get logStartOffset(): number {
    return this.#logStartOffset;
  }

  get logEndOffset(): number {
    return this.#logEndOffset;
  }

  get tailEndOffset(): number {
    const last = this.#tail.at(-1);
    return last === undefined ? this.#logEndOffset : last.baseOffset + last.recordCount;
  }

  append(batch: Buffer, header: BatchHeader, options: AppendOptions): AppendResult {
    assert(this.#tail.length === 0, `append to ${this.name} beside an open tail`);
    return this.#append(batch, header, options);
  }

  seal(batch: Buffer, header: BatchHeader): AppendResult {
    const end = header.lastOffset + 1;
    const after = this.#tail.findIndex((chunk) => chunk.baseOffset + chunk.recordCount > end);
    assert(
      after < 0 || this.#tail[after]!.baseOffset === end,
      `the seal of ${this.name} at ${end} cuts a chunk`,
    );
    const result = this.#append(batch, header, {
      leaderEpoch: header.partitionLeaderEpoch,
      offsets: 'verbatim',
      checkCrc: false,
    });
    if (!result.ok) return result;
    for (const chunk of this.#tail.splice(0, after < 0 ? this.#tail.length : after)) {
      this.#host.put([tailKey(this.id, chunk.baseOffset, chunk.recordCount), undefined]);
    }
    return result;
  }

  stage(chunk: TailChunk): Promise<void> {
    this.#assertWritable();
    assert(
      chunk.baseOffset === this.tailEndOffset && chunk.recordCount > 0,
      `chunk [${chunk.baseOffset}, +${chunk.recordCount}) staged in ${this.name} where the tail ends at ${this.tailEndOffset}`,
    );
    if (!this.#host.failed) {
      this.#tail.push(chunk);
      this.#host.put([tailKey(this.id, chunk.baseOffset, chunk.recordCount), chunk.bytes]);
    }
    return this.#host.enqueue(this, chunk.bytes.length);
  }

  tail(): TailChunk[] {
    return [...this.#tail];
  }

  read(offset: number, options: ReadOptions): ReadResult {
    this.#assertLive();
    if (offset < this.#logStartOffset || offset > this.#logEndOffset) {
      throw new EdgelogError(
        'LIMIT_EXCEEDED',
        `offset ${offset} of ${this.name} is outside [${this.#logStartOffset}, ${this.#logEndOffset}]`,
      );
    }
    return this.#reader.read(offset, options);
  }

  damageAt(offset: number): StoredDamage | undefined {
    return this.#host.damaged.at(this.name, offset);
  }

  foundDamage(damage: StoredDamage): void {
    this.#host.damaged.add(damage);
  }

  offsetForTimestamp(timestamp: number): TimeLookup | undefined {
    this.#assertLive();
    return this.#reader.offsetForTimestamp(timestamp);
  }

  batchEndingAt(lastOffset: number): BatchHeader | undefined {
    this.#assertLive();
    if (lastOffset < this.#logStartOffset || lastOffset >= this.#logEndOffset) return undefined;
    if (lastOffset < this.flushedEndOffset) return this.#reader.batchEndingAt(lastOffset);
    return this.#unflushed.find(({ header }) => header.lastOffset === lastOffset)?.header;
  }

  sizeBytesFrom(offset: number): number {
    this.#assertLive();
    const from = Math.max(offset, this.#logStartOffset);
    if (from >= this.#logEndOffset) return 0;
    if (from < this.flushedEndOffset) {
      const index = rangeIndexOf(this.ranges, from);
      const inRange = this.ranges[index]!.bytesEnd - this.valueAt(from).bytesBefore;
      return this.ranges
        .slice(index + 1)
        .reduce((sum, range) => sum + sizeOf(range), inRange + this.#uncutBytes);
    }
    const batch = this.#unflushed.find(({ header }) => from <= header.lastOffset)!;
    return this.#bytesEnd - batch.bytesBefore;
  }

  /** The stored value that holds `offset`, which must be flushed, or the hole instead. The oldest one is asked for often, so it is kept. */
  valueAt(offset: number): ValueBounds {
    if (offset !== this.#logStartOffset) return this.#reader.valueAt(offset);
    if (this.#oldest === undefined || this.#oldest.endOffset <= offset) {
      this.#oldest = this.#reader.valueAt(offset);
    }
    return this.#oldest;
  }

  /** Adds the bytes of stored batches that can still be read to those of the segments they are in. */
  countLive(bytesOf: Map<number, number>): void {
    for (const range of this.ranges) {
      bytesOf.set(range.segmentId, (bytesOf.get(range.segmentId) ?? 0) + this.#liveBytesIn(range));
    }
  }

  get liveBytes(): number {
    return this.ranges.reduce((sum, range) => sum + this.#liveBytesIn(range), this.#uncutBytes);
  }

  /** Only the first range can be dead in part: those before the log start are let go. */
  #liveBytesIn(range: SegmentRange): number {
    if (range !== this.ranges[0] || range.baseOffset >= this.#logStartOffset) return sizeOf(range);
    if (this.#logStartOffset >= Math.min(range.endOffset, this.flushedEndOffset)) return 0;
    return range.bytesEnd - this.valueAt(this.#logStartOffset).bytesBefore;
  }

  expiry(policy: RetentionPolicy): Expiry | undefined {
    this.#assertLive();
    return expiryOf(this, policy, this.#host.now());
  }

  producer(producerId: number): ProducerState | undefined {
    return this.#producers.get(producerId);
  }

  producers(): Iterable<ProducerState> {
    return this.#producers.values();
  }

  advanceLogStart(offset: number): void {
    this.#assertWritable();
    assert(offset <= this.#logEndOffset, `log start ${offset} of ${this.name} is past its end`);
    if (offset <= this.#logStartOffset) return;
    this.#logStartOffset = offset;
    this.markDirty();
    this.leaderEpochs.trimBelow(offset);
    this.#host.damaged.forgetBelow(this.name, offset);
    this.#dropDeadRanges();
  }

  /** The partition's own row goes into the next commit. */
  markDirty(): void {
    this.#rowDirty = true;
    void this.#host.enqueue(this, 0);
  }

  /** The rows that changed since the last commit. Returns what is to be done when they are on disk. */
  collect(rows: RowWrite[]): () => void {
    if (this.#deleted) return () => {};
    if (this.#rowDirty) rows.push(this.#row());
    this.#rowDirty = false;
    for (const producerId of this.#dirtyProducers) {
      const state = this.#producers.get(producerId);
      rows.push([producerKey(this.id, producerId), state && encodeProducer(state)]);
    }
    this.#dirtyProducers.clear();
    return this.#collectBatches(rows);
  }

  /** The whole durable state, for a new segment: all but batches. What `collect` gives afterwards goes on top. */
  snapshot(rows: RowWrite[], now: number): void {
    this.#dropDeadRanges();
    for (const state of this.#producers.values()) {
      if (isExpired(state, now)) this.#producers.delete(state.producerId);
      else rows.push([producerKey(this.id, state.producerId), encodeProducer(state)]);
    }
    this.#dirtyProducers.clear();
    rows.push(this.#row());
    this.#rowDirty = false;
    for (const range of this.ranges) rows.push([rangeKey(this.id, range.segmentId), encodeRange(range)]);
    if (this.#compaction.length > 0) rows.push(this.#compactionRow());
    for (const chunk of this.#tail) {
      rows.push([tailKey(this.id, chunk.baseOffset, chunk.recordCount), chunk.bytes]);
    }
  }

  /** Called at a roll: the range in the segment that was active now counts as a reference to a sealed one. */
  retainRangeIn(segmentId: number | undefined): void {
    if (segmentId !== undefined && this.ranges.at(-1)?.segmentId === segmentId)
      this.#host.segments.retain(segmentId);
  }

  get isDeleted(): boolean {
    return this.#deleted;
  }

  /** Oldest first. */
  get compaction(): readonly CompactionStep[] {
    return this.#compaction;
  }

  /** Durable with the next commit. */
  setCompaction(steps: readonly CompactionStep[]): void {
    if (this.#deleted) return;
    this.#compaction = steps;
    this.#host.put(this.#compactionRow());
  }

  /**
   * From now on `fresh`, a range of a compacted segment, is what the log holds between its ends: `fresh` begins with a range, or
   * below the log start, and what is left of a range beyond it begins with the value there. Durable with the next
   * commit. False, and nothing changes, when nothing of it can be read any more.
   */
  replaceRanges(fresh: SegmentRange): boolean {
    if (this.#deleted || fresh.endOffset <= this.#logStartOffset) return false;
    const { segments } = this.#host;
    const ranges = this.ranges.flatMap((range): SegmentRange[] => {
      if (range.endOffset <= fresh.baseOffset || range.baseOffset >= fresh.endOffset) return [range];
      const key = rangeKey(this.id, range.segmentId);
      if (range.endOffset > fresh.endOffset) {
        const { bytesBefore } = this.#reader.valueAt(fresh.endOffset);
        const rest = { ...range, baseOffset: fresh.endOffset, bytesBefore };
        this.#host.put([key, encodeRange(rest)]);
        return [rest];
      }
      segments.release(range.segmentId);
      this.#host.put([key, undefined]);
      return [];
    });
    ranges.splice(rangeIndexOf(ranges, fresh.baseOffset) + 1, 0, fresh);
    this.ranges.splice(0, this.ranges.length, ...ranges);
    this.#oldest = undefined;
    this.#reader.forgetLookup();
    segments.retain(fresh.segmentId);
    this.#host.put([rangeKey(this.id, fresh.segmentId), encodeRange(fresh)]);
    return true;
  }

  /** Takes the partition's rows away; its batches die with their segments. */
  delete(): void {
    this.#assertLive();
    this.#deleted = true;
    this.#host.damaged.forgetBelow(this.name, Number.POSITIVE_INFINITY);
    const { segments } = this.#host;
    this.#host.put([partitionKey(this.id), undefined]);
    this.#host.put([compactionKey(this.id), undefined]);
    for (const producerId of this.#producers.keys()) {
      this.#host.put([producerKey(this.id, producerId), undefined]);
    }
    for (const chunk of this.#tail) {
      this.#host.put([tailKey(this.id, chunk.baseOffset, chunk.recordCount), undefined]);
    }
    for (const { segmentId } of this.ranges) {
      if (segmentId === segments.active.id) continue;
      segments.release(segmentId);
      this.#host.put([rangeKey(this.id, segmentId), undefined]);
    }
    void this.#host.enqueue(this, 0);
  }

  #append(batch: Buffer, given: BatchHeader, options: AppendOptions): AppendResult {
    this.#assertWritable();
    const fault = batchFault(batch, given, options, this.#logEndOffset);
    if (fault !== undefined) return this.#refused(fault);
    const appendTime = this.#host.now();
    const assigned = options.offsets === 'assign';
    const known = this.#producers.get(given.producerId);
    if (assigned && given.producerId >= 0) {
      const judged = judge(known, given);
      if (judged.verdict === 'refuse') return this.#refused(judged);
      if (judged.verdict === 'duplicate') {
        const { baseOffset, lastOffset } = judged;
        const flushed = this.#flushedAt(lastOffset);
        return { ok: true, baseOffset, lastOffset, duplicate: true, appendTime, flushed };
      }
    }
    const baseOffset = this.#logEndOffset;
    const lastOffset = baseOffset + given.lastOffsetDelta;
    if (!this.#host.failed) {
      const partitionLeaderEpoch = assigned ? options.leaderEpoch : given.partitionLeaderEpoch;
      const header = { ...given, baseOffset, lastOffset, partitionLeaderEpoch };
      if (assigned) patchBatchOffset(batch, 0, baseOffset, partitionLeaderEpoch);
      if (partitionLeaderEpoch > (this.leaderEpochs.latest ?? -1)) {
        this.leaderEpochs.assign(partitionLeaderEpoch, baseOffset);
      }
      if (header.producerId >= 0 && header.baseSequence >= 0) {
        this.#producers.set(header.producerId, advanceProducer(known, header, appendTime));
        this.#dirtyProducers.add(header.producerId);
      }
      this.#unflushed.push({ header, batch, bytesBefore: this.#bytesEnd, appendTime });
      this.#bytesEnd += header.sizeBytes;
      this.#uncutBytes += header.sizeBytes;
      this.#logEndOffset = lastOffset + 1;
    }
    const flushed = this.#host.enqueue(this, given.sizeBytes);
    return { ok: true, baseOffset, lastOffset, duplicate: false, appendTime, flushed };
  }

  #refused({ error, message }: Refusal): AppendResult {
    return { ok: false, error, message: `${this.name}: ${message}` };
  }

  /** For a repeat: waits for the original where that is in flight; of an unknown original, for all that is. */
  #flushedAt(lastOffset: number): Promise<void> {
    const isFlushed = lastOffset < 0 ? this.#unflushed.length === 0 : lastOffset < this.flushedEndOffset;
    return isFlushed && !this.#host.failed ? Promise.resolve() : this.#host.flushed();
  }

  #collectBatches(rows: RowWrite[]): () => void {
    const fresh = this.#unflushed.slice(this.#cut);
    if (fresh.length === 0) return () => {};
    this.#cut = this.#unflushed.length;
    this.#uncutBytes = 0;
    for (let from = 0, to = 0; from < fresh.length; from = to) {
      for (let size = 0; to < fresh.length; to++) {
        const { sizeBytes, partitionLeaderEpoch } = fresh[to]!.header;
        size += sizeBytes;
        const isOneEpoch = partitionLeaderEpoch === fresh[from]!.header.partitionLeaderEpoch;
        if (to > from && (size > VALUE_BYTES_MAX || !isOneEpoch)) break;
      }
      rows.push(this.#value(fresh.slice(from, to)));
    }
    const endOffset = this.#logEndOffset;
    return () => {
      this.#unflushed.splice(0, fresh.length);
      this.#cut -= fresh.length;
      this.flushedEndOffset = endOffset;
    };
  }

  #value(batches: readonly Unflushed[]): RowWrite {
    const first = batches[0]!;
    const last = batches.at(-1)!;
    const range = this.#activeRange(first);
    for (const { header, appendTime } of batches) {
      range.maxTimestamp = Math.max(range.maxTimestamp, header.maxTimestamp);
      range.maxAppendTime = Math.max(range.maxAppendTime, appendTime);
    }
    range.endOffset = last.header.lastOffset + 1;
    range.bytesEnd = last.bytesBefore + last.header.sizeBytes;
    const key = valueKey(this.id, {
      baseOffset: first.header.baseOffset,
      endOffset: range.endOffset,
      bytesBefore: first.bytesBefore,
      maxTimestamp: range.maxTimestamp,
      maxAppendTime: range.maxAppendTime,
      leaderEpoch: first.header.partitionLeaderEpoch,
    });
    if (batches.length === 1) return [key, first.batch];
    const parts = batches.map(({ batch }) => batch);
    return [key, this.#host.arena.join(parts, range.bytesEnd - first.bytesBefore)];
  }

  #activeRange(first: Unflushed): SegmentRange {
    const segmentId = this.#host.segments.active.id;
    const last = this.ranges.at(-1);
    if (last?.segmentId === segmentId) return last;
    const range: SegmentRange = {
      segmentId,
      baseOffset: first.header.baseOffset,
      endOffset: first.header.baseOffset,
      bytesBefore: first.bytesBefore,
      bytesEnd: first.bytesBefore,
      maxTimestamp: -1,
      maxAppendTime: 0,
    };
    this.ranges.push(range);
    return range;
  }

  /** Lets go of older segments that hold nothing above the log start. */
  #dropDeadRanges(): void {
    const { segments } = this.#host;
    for (;;) {
      const oldest = this.ranges[0];
      if (oldest === undefined || oldest.endOffset > this.#logStartOffset) return;
      if (oldest.segmentId === segments.active.id) return;
      this.ranges.shift();
      segments.release(oldest.segmentId);
      this.#host.put([rangeKey(this.id, oldest.segmentId), undefined]);
    }
  }

  #row(): RowWrite {
    const value = encodePartition({
      name: this.name,
      logStartOffset: this.#logStartOffset,
      logEndOffset: this.#logEndOffset,
      bytesEnd: this.#bytesEnd,
      epochs: this.leaderEpochs.entries,
    });
    return [partitionKey(this.id), value];
  }

  #compactionRow(): RowWrite {
    return [compactionKey(this.id), encodeCompaction(this.#compaction)];
  }

  #assertWritable(): void {
    this.#assertLive();
    this.#host.assertOpen();
  }

  #assertLive(): void {
    if (this.#deleted) throw new EdgelogError('STORE_CLOSED', `partition ${this.name} was deleted`);
  }
}
