import { assert, EdgelogError } from '@edgelog/base';
import { type BatchHeader, patchBatchOffset, readBatchHeader } from '@edgelog/wire';
import { batchFault, type Refusal } from './batch-fault.ts';
import { type CompactionStep, stepsBelow } from './compaction.ts';
import type { DamageRegister } from './damage.ts';
import { type JoinArena, VALUE_BYTES_MAX } from './join-arena.ts';
import { compactionKey, partitionKey, tailKey, type ValueBounds, valueKey } from './keys.ts';
import { type EpochStart, LeaderEpochCache } from './leader-epochs.ts';
import { PartitionRanges } from './partition-ranges.ts';
import { judge } from './producer-state.ts';
import { ProducerTable } from './producer-table.ts';
import { rangeIndexOf, sizeOf } from './ranges.ts';
import { type BatchStart, PartitionReader } from './reader.ts';
import { placeReplicated } from './replicated-batches.ts';
import { expiryOf } from './retention.ts';
import { encodeCompaction, encodePartition, type SegmentRange } from './rows.ts';
import type { RowWrite } from './segment.ts';
import type { SegmentFiles } from './segment-files.ts';
import type {
  AppendError,
  AppendOptions,
  AppendResult,
  Expiry,
  PartitionLog,
  ProducerState,
  ReadOptions,
  ReadResult,
  ReplicaStart,
  ReplicatedAppend,
  RetentionPolicy,
  StoredDamage,
  TailChunk,
  TimeLookup,
} from './types.ts';
import { type Unflushed, UnflushedBatches } from './unflushed.ts';

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
  /** An id that no partition has had. */
  newPartitionId(): number;
  /** The next commit begins a new segment, the file of which is made if need be: throws where there is no room for it. */
  rollAtNextCommit(): void;
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
  producersThrough: number;
}

export class Partition implements PartitionLog {
  #id: number;
  readonly name: string;
  readonly leaderEpochs: LeaderEpochCache;
  flushedEndOffset: number;
  readonly #host: PartitionHost;
  readonly #reader: PartitionReader;
  readonly #ranges: PartitionRanges;
  readonly #producers: ProducerTable;
  readonly #unflushed = new UnflushedBatches();
  readonly #tail: TailChunk[];
  #logStartOffset: number;
  #logEndOffset: number;
  #bytesEnd: number;
  /** The value that held the log start when it was asked for last. */
  #oldest: ValueBounds | undefined;
  #compaction: readonly CompactionStep[];
  #truncations = 0;
  #rowDirty = false;
  #deleted = false;

  constructor(host: PartitionHost, seed: PartitionSeed) {
    this.#id = seed.id;
    this.name = seed.name;
    this.#host = host;
    this.#producers = new ProducerTable(seed.producers, seed.producersThrough);
    this.#tail = seed.tail;
    this.#compaction = seed.compaction;
    this.#logStartOffset = seed.logStartOffset;
    this.#logEndOffset = seed.logEndOffset;
    this.#bytesEnd = seed.bytesEnd;
    this.flushedEndOffset = seed.logEndOffset;
    this.#ranges = new PartitionRanges(seed.ranges, host, () => this.#id);
    this.#reader = new PartitionReader(this, host.segments);
    this.leaderEpochs = new LeaderEpochCache(
      seed.epochs,
      () => this.#logEndOffset,
      () => this.markDirty(),
    );
  }

  /** What its rows are found by. Another one from `startAnew` on, and with it other rows. */
  get id(): number {
    return this.#id;
  }

  /** Ascending, contiguous; the last one may reach past what is flushed. */
  get ranges(): readonly SegmentRange[] {
    return this.#ranges.list;
  }

  get oldestSegment(): { segment: number; endOffset: number } | undefined {
    const oldest = this.ranges[0];
    if (oldest === undefined || oldest.segmentId === this.#host.segments.active.id) return undefined;
    if (oldest.endOffset > this.flushedEndOffset) return undefined;
    return { segment: oldest.segmentId, endOffset: oldest.endOffset };
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
    this.#assertAppendable();
    return this.#append(batch, header, options);
  }

  appendReplicated(batches: Buffer): ReplicatedAppend {
    this.#assertAppendable();
    const result = placeReplicated(batches, this);
    if ('error' in result) return this.#refused(result);
    const { placed, recordCount, hasHoles } = result;
    const appendTime = this.#host.now();
    let sizeBytes = 0;
    for (const { batch, header } of placed) {
      if (this.#host.failed) break;
      if (header.baseOffset < this.#logEndOffset) {
        this.#leaveBatches(this.#logStartOffset);
        this.#logEndOffset = header.baseOffset;
      }
      this.#store(batch, header, appendTime);
      sizeBytes += batch.length;
    }
    if (this.producersThrough <= this.#logEndOffset) this.#producers.own();
    const flushed = placed.length === 0 ? this.#host.flushed() : this.#host.enqueue(this, sizeBytes);
    return { ok: true, endOffset: this.#logEndOffset, recordCount, hasHoles, flushed };
  }

  truncate(endOffset: number): number {
    this.#assertAppendable();
    if (this.#host.failed) return this.#logEndOffset;
    const asked = Math.max(endOffset, this.#logStartOffset);
    if (asked < this.#logEndOffset) this.#truncate(asked);
    this.leaderEpochs.truncateFrom(this.#logEndOffset); // one that was to begin at the end too
    return this.#logEndOffset;
  }

  #truncate(asked: number): void {
    assert(this.producersThrough === 0, `${this.name} is truncated while its producers are the leader's`);
    const start = this.#batchStart(asked);
    const to = start.baseOffset;
    const producers = this.#producers.before(to, (offset) => this.#headersBelow(offset));
    if (to <= this.#logStartOffset) {
      this.#leaveBatches(this.#logStartOffset);
    } else {
      this.#ranges.cut(start);
      this.#unflushed.truncate(to);
      this.#logEndOffset = to;
      this.#bytesEnd = start.bytesBefore;
    }
    this.#producers.restore(producers);
    const steps = stepsBelow(this.#compaction, to);
    if (this.#compaction.length > 0) this.setCompaction(steps);
    this.#wasTruncated();
  }

  /** Where the batch begins that holds `offset`. */
  #batchStart(offset: number): BatchStart {
    if (offset < this.flushedEndOffset) return this.#reader.batchStart(offset);
    const { header, bytesBefore } = this.#unflushed.at(offset)!;
    return { baseOffset: header.baseOffset, bytesBefore };
  }

  *#headersBelow(endOffset: number): Generator<BatchHeader> {
    yield* this.#unflushed.headersBelow(endOffset);
    yield* this.#reader.headersBelow(Math.min(endOffset, this.flushedEndOffset));
  }

  startAnew({ startOffset, producers, producersThrough }: ReplicaStart): void {
    this.#assertAppendable();
    assert(Number.isSafeInteger(startOffset) && startOffset >= 0, `${this.name} begins at ${startOffset}`);
    if (this.#host.failed) return;
    this.#leaveBatches(startOffset);
    this.#logStartOffset = startOffset;
    this.leaderEpochs.truncateFrom(0);
    this.adoptProducers(producers, producersThrough);
    this.#wasTruncated();
  }

  adoptProducers(producers: Iterable<ProducerState>, producersThrough: number): void {
    this.#assertAppendable();
    if (this.#host.failed) return;
    const since: BatchHeader[] = [];
    for (const header of this.#headersBelow(this.#logEndOffset)) {
      if (header.baseOffset < producersThrough) break;
      since.push(header);
    }
    this.#producers.adopt(producers, producersThrough > this.#logEndOffset ? producersThrough : 0);
    for (const header of since.reverse()) this.#producers.advance(header, this.#host.now());
    this.markDirty();
  }

  get producersThrough(): number {
    return this.#producers.through;
  }

  /** Goes on under another id, with an empty log from there: what was stored, or is on its way, dies with its segments. */
  #leaveBatches(startOffset: number): void {
    this.#removeRows();
    this.#id = this.#host.newPartitionId();
    this.#truncations++;
    this.#unflushed.clear(startOffset);
    this.#logEndOffset = startOffset;
    this.flushedEndOffset = startOffset;
    this.#compaction = [];
    this.#producers.markAllDirty();
    this.markDirty();
  }

  /** To be called when its ends say so. */
  #wasTruncated(): void {
    this.#truncations++;
    this.flushedEndOffset = Math.min(this.flushedEndOffset, this.#logEndOffset);
    this.#oldest = undefined;
    this.#reader.forgetLookup();
    this.#host.damaged.forgetFrom(this.name, this.#logEndOffset);
    this.markDirty();
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
    const result = this.#reader.read(offset, options);
    if (options.unflushed) this.#readUnflushed(result, offset, options);
    return result;
  }

  /** Goes on where a read came to the end of what is flushed. */
  #readUnflushed(result: ReadResult, offset: number, options: ReadOptions): void {
    const last = result.batches.at(-1);
    const from = last === undefined ? offset : readBatchHeader(last).lastOffset + 1;
    if (from < this.flushedEndOffset) return;
    const { maxBytes, atLeastOne = true, endOffset = this.#logEndOffset } = options;
    const { memory = Buffer.allocUnsafeSlow } = options;
    this.#unflushed.readOn(result, from, { endOffset, maxBytes, atLeastOne, memory });
  }

  damageAt(offset: number): StoredDamage | undefined {
    return this.#host.damaged.at(this.name, offset);
  }

  foundDamage(damage: StoredDamage): void {
    this.#host.damaged.add(damage);
  }

  offsetForTimestamp(
    timestamp: number,
    endOffset: number = Number.POSITIVE_INFINITY,
  ): TimeLookup | undefined {
    this.#assertLive();
    const found = this.#reader.offsetForTimestamp(timestamp);
    return found !== undefined && found.offset < endOffset ? found : undefined;
  }

  batchEndingAt(lastOffset: number): BatchHeader | undefined {
    this.#assertLive();
    if (lastOffset < this.#logStartOffset || lastOffset >= this.#logEndOffset) return undefined;
    if (lastOffset < this.flushedEndOffset) return this.#reader.batchEndingAt(lastOffset);
    const header = this.#unflushed.at(lastOffset)?.header;
    return header?.lastOffset === lastOffset ? header : undefined;
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
        .reduce((sum, range) => sum + sizeOf(range), inRange + this.#unflushed.uncutBytes);
    }
    return this.#bytesEnd - this.#unflushed.at(from)!.bytesBefore;
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
    return this.ranges.reduce((sum, range) => sum + this.#liveBytesIn(range), this.#unflushed.uncutBytes);
  }

  /** Only the first range can be dead in part: those before the log start are let go. */
  #liveBytesIn(range: SegmentRange): number {
    if (range !== this.ranges[0] || range.baseOffset >= this.#logStartOffset) return sizeOf(range);
    if (this.#logStartOffset >= Math.min(range.endOffset, this.flushedEndOffset)) return 0;
    return range.bytesEnd - this.valueAt(this.#logStartOffset).bytesBefore;
  }

  expiry(policy: RetentionPolicy, endOffset: number = this.flushedEndOffset): Expiry | undefined {
    this.#assertLive();
    return expiryOf(this, policy, this.#host.now(), endOffset);
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
    this.#ranges.dropBelow(this.#logStartOffset);
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
    this.#producers.collect(this.id, rows);
    return this.#collectBatches(rows);
  }

  /** The whole durable state, for a new segment: all but batches. What `collect` gives afterwards goes on top. */
  snapshot(rows: RowWrite[], now: number): void {
    this.#ranges.dropBelow(this.#logStartOffset);
    this.#producers.snapshot(this.id, rows, now);
    rows.push(this.#row());
    this.#rowDirty = false;
    this.#ranges.snapshot(rows);
    if (this.#compaction.length > 0) rows.push(this.#compactionRow());
    for (const chunk of this.#tail) {
      rows.push([tailKey(this.id, chunk.baseOffset, chunk.recordCount), chunk.bytes]);
    }
  }

  /** Called at a roll: the range in the segment that was active now counts as a reference to a sealed one. */
  retainRangeIn(segmentId: number | undefined): void {
    this.#ranges.retainIn(segmentId);
  }

  /** How often the log was truncated or begun anew: what was read of it before may be there no more. */
  get truncations(): number {
    return this.#truncations;
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
   * commit. False, and nothing changes, when nothing of it can be read any more, or the log had been truncated less often when it was read.
   */
  replaceRanges(fresh: SegmentRange, truncations: number): boolean {
    if (this.#deleted || truncations !== this.#truncations || fresh.endOffset <= this.#logStartOffset)
      return false;
    this.#ranges.replace(fresh, (offset) => this.#reader.valueAt(offset).bytesBefore);
    this.#oldest = undefined;
    this.#reader.forgetLookup();
    return true;
  }

  /** Takes the partition's rows away; its batches die with their segments. */
  delete(): void {
    this.#assertLive();
    this.#deleted = true;
    this.#host.damaged.forgetFrom(this.name, 0);
    for (const chunk of this.#tail) {
      this.#host.put([tailKey(this.id, chunk.baseOffset, chunk.recordCount), undefined]);
    }
    this.#removeRows();
    void this.#host.enqueue(this, 0);
  }

  /** All but those of the tail. */
  #removeRows(): void {
    this.#host.put([partitionKey(this.id), undefined]);
    this.#host.put([compactionKey(this.id), undefined]);
    for (const row of this.#producers.removals(this.id)) this.#host.put(row);
    this.#ranges.clear();
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
      if (assigned) patchBatchOffset(batch, 0, baseOffset, partitionLeaderEpoch);
      this.#producers.own();
      this.#store(batch, { ...given, baseOffset, lastOffset, partitionLeaderEpoch }, appendTime);
    }
    const flushed = this.#host.enqueue(this, given.sizeBytes);
    return { ok: true, baseOffset, lastOffset, duplicate: false, appendTime, flushed };
  }

  /** What is judged already, at the log's end. */
  #store(batch: Buffer, header: BatchHeader, appendTime: number): void {
    const { baseOffset, lastOffset, partitionLeaderEpoch } = header;
    if (partitionLeaderEpoch > (this.leaderEpochs.latest ?? -1)) {
      this.leaderEpochs.assign(partitionLeaderEpoch, baseOffset);
    }
    this.#producers.advance(header, appendTime);
    this.#unflushed.push({ header, batch, bytesBefore: this.#bytesEnd, appendTime });
    this.#bytesEnd += header.sizeBytes;
    this.#logEndOffset = lastOffset + 1;
  }

  #refused({ error, message }: Refusal): { ok: false; error: AppendError; message: string } {
    return { ok: false, error, message: `${this.name}: ${message}` };
  }

  /** For a repeat: waits for the original where that is in flight; of an unknown original, for all that is. */
  #flushedAt(lastOffset: number): Promise<void> {
    const isFlushed = lastOffset < 0 ? this.#unflushed.isEmpty : lastOffset < this.flushedEndOffset;
    return isFlushed && !this.#host.failed ? Promise.resolve() : this.#host.flushed();
  }

  #collectBatches(rows: RowWrite[]): () => void {
    const fresh = this.#unflushed.cut(this.#logEndOffset);
    if (fresh.length === 0) return () => {};
    for (let from = 0, to = 0; from < fresh.length; from = to) {
      for (let size = 0; to < fresh.length; to++) {
        const { sizeBytes, partitionLeaderEpoch } = fresh[to]!.header;
        size += sizeBytes;
        const isOneEpoch = partitionLeaderEpoch === fresh[from]!.header.partitionLeaderEpoch;
        if (to > from && (size > VALUE_BYTES_MAX || !isOneEpoch)) break;
      }
      rows.push(this.#value(fresh.slice(from, to)));
    }
    return () => {
      this.flushedEndOffset = this.#unflushed.flushed();
    };
  }

  #value(batches: readonly Unflushed[]): RowWrite {
    const first = batches[0]!;
    const last = batches.at(-1)!;
    const range = this.#ranges.activeFor(first);
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

  /** Nothing but a seal goes behind an open tail. */
  #assertAppendable(): void {
    this.#assertWritable();
    assert(this.#tail.length === 0, `append to ${this.name} beside an open tail`);
  }

  #assertWritable(): void {
    this.#assertLive();
    this.#host.assertOpen();
  }

  #assertLive(): void {
    if (this.#deleted) throw new EdgelogError('STORE_CLOSED', `partition ${this.name} was deleted`);
  }
}
