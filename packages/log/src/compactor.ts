import { EdgelogError } from '@edgelog/base';
import { type CleanerHost, RESERVE_BYTES } from './cleaner.ts';
import { CompactedRange } from './compacted-range.ts';
import {
  type Compactable,
  compactedTo,
  hasTombstonesDue,
  isDirtyEnough,
  stepsAfter,
  tombstonesGoneBelow,
} from './compaction.ts';
import { LatestOffsets, Survivors } from './compaction-pass.ts';
import { CopyWriter } from './copy-writer.ts';
import { freeBytes } from './lmdb-file.ts';
import type { Partition } from './partition.ts';
import { rangeIndexOf, sizeOf } from './ranges.ts';
import { appendedWithin } from './retention.ts';
import { copyStoredValue, type StoredValue } from './stored-value.ts';
import { TimeSlices } from './time-slices.ts';
import type { CompactionOptions, CompactionPass, CompactionPolicy, PartitionCompaction } from './types.ts';

const MAP_BYTES_MAX = 48 * 2 ** 20;
/** Up to so many segments a roll for a pass may be as small as a policy asks for; beyond, it must bring its share of all that is stored, */
const SEGMENTS_FEW = 64;
/** or be this late. */
const ROLL_AT_LATEST_MS = 3_600_000;

export interface CompactorHost extends CleanerHost {
  /** What a compacted segment may hold before the next one is begun. */
  readonly segmentBytes: number;
  now(): number;
}

/** A compacted segment that is being written, and what is to be done when it is whole. */
interface Output {
  readonly copy: CopyWriter;
  readonly whenWhole: (() => void)[];
}

/** The store began to close: what was begun is left, and nothing of it is meant. */
class Stopped extends Error {}

/** The partition was truncated meanwhile: what the pass has of it may be there no more, and nothing of that is meant. */
class Truncated extends Error {}

/**
 * Compacts partitions, a little per turn, while the store goes on. What survives of a partition is copied into a segment of its
 * own kind, and when that is on disk under its name one commit says that it is meant, in the place of what was there. So the
 * other partitions that lie in the same segments are not copied, and a crash leaves at most a file that nobody means; what
 * is dead now is the cleaner's to free.
 */
export class Compactor {
  readonly #host: CompactorHost;
  /** Could not be read. Not tried again by this process. */
  readonly #failed = new Set<Partition>();
  readonly #slices = new TimeSlices();
  /** Holds the value that is being looked at. */
  #value = Buffer.allocUnsafeSlow(0);
  #output: Output | undefined;
  #isBroken = false;

  constructor(host: CompactorHost) {
    this.#host = host;
  }

  /** Whether what the active segment holds of a partition is worth a pass that nothing less would bring. */
  async wantsRoll({ policies }: CompactionOptions): Promise<boolean> {
    for (const partition of [...this.#host.partitions()]) {
      const policy = policies.get(partition.name);
      const isAsked = policy !== undefined && !this.#failed.has(partition) && !partition.isDeleted;
      if (isAsked && this.#isRollDue(partition, policy)) return true;
      await this.#pauseIfDue();
    }
    return false;
  }

  #isRollDue(partition: Partition, policy: CompactionPolicy): boolean {
    const { segments } = this.#host;
    const active = partition.ranges.at(-1);
    const from = Math.max(active?.baseOffset ?? 0, partition.logStartOffset);
    if (active?.segmentId !== segments.active.id || from >= partition.flushedEndOffset) return false;
    const now = this.#host.now();
    const age = now - partition.valueAt(from).maxAppendTime;
    if (sizeOf(active) < policy.rollBytes && age <= Math.min(policy.rollMs, policy.maxLagMs)) return false;
    if (age < ROLL_AT_LATEST_MS && !this.#canSpareRoll()) return false;
    const endOffset = compactableTo(partition, policy, now);
    return endOffset > from && isDirtyEnough(compactable(partition, endOffset), policy, now);
  }

  /** Every roll costs a file, and rows in all later ones: a policy for one small partition must not cut up all the others. */
  #canSpareRoll(): boolean {
    const { segments } = this.#host;
    if (segments.count < SEGMENTS_FEW) return true;
    let activeBytes = 0;
    for (const { ranges } of this.#host.partitions()) {
      const active = ranges.at(-1);
      if (active?.segmentId === segments.active.id) activeBytes += sizeOf(active);
    }
    return activeBytes >= segments.sealedBatchBytes() / SEGMENTS_FEW;
  }

  /** One partition after the other, first those that had no pass for longest. */
  async compact(options: CompactionOptions): Promise<PartitionCompaction[]> {
    const done: PartitionCompaction[] = [];
    if (this.#isBroken || this.#host.isStopping()) return done;
    await this.#host.commit(undefined); // what was sealed is whole now
    const { policies, beginWithinMs = Number.POSITIVE_INFINITY } = options;
    const endsAt = performance.now() + beginWithinMs;
    const given = [...this.#host.partitions()].filter(({ name }) => policies.has(name));
    const lastPass = ({ compaction }: Partition) => compaction.at(-1)?.cleanedAt ?? 0;
    given.sort((a, b) => lastPass(a) - lastPass(b));
    try {
      for (const partition of given) {
        const policy = policies.get(partition.name)!;
        const mapBytesMax = options.mapBytesMax ?? MAP_BYTES_MAX;
        const hadPass = await this.#compactOne(partition, policy, { mapBytesMax, endsAt }, done);
        if (hadPass && performance.now() >= endsAt) break;
        await this.#pauseIfDue();
      }
      await this.#finishOutput();
    } catch (error) {
      await this.#abandonOutput(error);
      if (!(error instanceof Stopped)) throw error;
    } finally {
      this.#value = Buffer.allocUnsafeSlow(0);
    }
    return done;
  }

  /** Pass after pass, until nothing more is due or the time is up. False where none was due. */
  async #compactOne(
    partition: Partition,
    policy: CompactionPolicy,
    { mapBytesMax, endsAt }: { mapBytesMax: number; endsAt: number },
    done: PartitionCompaction[],
  ): Promise<boolean> {
    const endOffset = this.#dueTo(partition, policy);
    if (endOffset === undefined || !this.#hasRoomFor(partition)) return false;
    const { truncations } = partition;
    const isTruncated = () => partition.truncations !== truncations;
    try {
      for (let compactedTo = 0; compactedTo < endOffset; ) {
        if (compactedTo > 0) await this.#finishOutput(); // this pass reads what the one before left
        const isLate = compactedTo > 0 && performance.now() >= endsAt;
        if (isLate || isTruncated() || partition.isDeleted || partition.logStartOffset >= endOffset) break;
        const pass = await this.#pass(partition, policy, endOffset, mapBytesMax);
        const report = () => {
          if (!isTruncated()) done.push(pass);
        };
        if (this.#output === undefined) report();
        else this.#output.whenWhole.push(report);
        compactedTo = pass.endOffset;
      }
    } catch (error) {
      if (partition.isDeleted || error instanceof Truncated) return true;
      if (!(error instanceof EdgelogError)) throw error;
      this.#failed.add(partition);
      done.push({ partition: partition.name, error });
    }
    return true;
  }

  /** Up to where a pass is due. */
  #dueTo(partition: Partition, policy: CompactionPolicy): number | undefined {
    if (this.#failed.has(partition) || partition.isDeleted) return undefined;
    const now = this.#host.now();
    const { segments } = this.#host;
    const sealed = partition.ranges.findLast(({ segmentId }) => segmentId !== segments.active.id);
    const endOffset = Math.min(sealed?.endOffset ?? 0, compactableTo(partition, policy, now));
    const known = compactedTo(partition.compaction);
    const isDue =
      (endOffset > partition.logStartOffset &&
        isDirtyEnough(compactable(partition, endOffset), policy, now)) ||
      (known > partition.logStartOffset &&
        hasTombstonesDue(partition.compaction, tombstonesGoneBelow(partition.compaction, policy, now)));
    return isDue ? Math.max(endOffset, known) : undefined;
  }

  /** On a disk without room for the copy it is left to retention to make some. */
  #hasRoomFor(partition: Partition): boolean {
    const { segments, segmentBytes } = this.#host;
    const copyBytes = Math.min(partition.liveBytes, segmentBytes);
    return freeBytes(segments.pathOf(segments.active.id)) >= 2 * copyBytes + RESERVE_BYTES;
  }

  /** Everything from the log start to as near to `endOffset` as the keys fit. */
  async #pass(
    partition: Partition,
    policy: CompactionPolicy,
    endOffset: number,
    mapBytesMax: number,
  ): Promise<CompactionPass> {
    const startedAt = performance.now();
    const now = this.#host.now();
    const { compaction: steps, truncations } = partition;
    const from = partition.valueAt(partition.logStartOffset).baseOffset;
    const latest = new LatestOffsets(Math.max(from, compactedTo(steps)), mapBytesMax);
    for await (const value of this.#values(partition, truncations, latest.endOffset, endOffset)) {
      if (!latest.learn(value, endOffset - value.key.baseOffset)) break;
    }
    const survivors = new Survivors(partition.name, latest, steps, tombstonesGoneBelow(steps, policy, now));
    const { result } = survivors;
    let range: CompactedRange | undefined;
    for await (const value of this.#values(partition, truncations, from, latest.endOffset)) {
      this.#output ??= this.#beginOutput();
      const { copy } = this.#output;
      range ??= new CompactedRange(copy, partition.id, value.key.baseOffset);
      await survivors.copy(value, range, () => this.#pauseIfDue());
      if (copy.batchBytes < this.#host.segmentBytes || value.key.endOffset >= latest.endOffset) continue;
      result.bytesAfter += await this.#endRange(partition, truncations, range, value.key.endOffset);
      await this.#finishOutput();
      range = undefined;
    }
    if (range !== undefined) {
      result.bytesAfter += await this.#endRange(partition, truncations, range, latest.endOffset);
      const { tombstones } = survivors;
      const after = stepsAfter(steps, { endOffset: latest.endOffset, now, tombstones });
      this.#output?.whenWhole.push(() => {
        if (partition.truncations === truncations) partition.setCompaction(after);
      });
    }
    result.tookMs = Math.round(performance.now() - startedAt);
    return result;
  }

  /** The stored values of [from, to), each valid until the next, with a pause now and then. What the log start has passed meanwhile is left out. */
  async *#values(
    partition: Partition,
    truncations: number,
    from: number,
    to: number,
  ): AsyncGenerator<StoredValue> {
    for (let at = from; ; ) {
      await this.#pauseIfDue();
      if (this.#host.isStopping()) throw new Stopped();
      if (partition.truncations !== truncations) throw new Truncated();
      at = Math.max(at, partition.ranges[0]?.baseOffset ?? to);
      if (at >= to) return;
      const range = partition.ranges[rangeIndexOf(partition.ranges, at)]!;
      const value = copyStoredValue(this.#host.segments, range, partition, at, (bytes) =>
        this.#valueOf(bytes),
      );
      yield value;
      at = value.key.endOffset;
    }
  }

  #valueOf(bytes: number): Buffer {
    if (this.#value.length < bytes) this.#value = Buffer.allocUnsafeSlow(bytes);
    return this.#value.subarray(0, bytes);
  }

  /** Returns the bytes of batches in it. */
  async #endRange(
    partition: Partition,
    truncations: number,
    compacted: CompactedRange,
    endOffset: number,
  ): Promise<number> {
    const range = await compacted.endAt(endOffset);
    this.#output?.whenWhole.push(() => partition.replaceRanges(range, truncations));
    return sizeOf(range);
  }

  #beginOutput(): Output {
    return { copy: new CopyWriter(this.#host.segments.beginCompacted()), whenWhole: [] };
  }

  /** What was written is meant from now on: on disk when this resolves. */
  async #finishOutput(): Promise<void> {
    if (this.#output === undefined) return;
    const { copy, whenWhole } = this.#output;
    await copy.finish(this.#host.segments);
    if (this.#host.isStopping()) throw new Stopped();
    this.#output = undefined;
    const row = this.#host.segments.addCompacted(copy.segmentId, copy.batchBytes);
    for (const replace of whenWhole) replace();
    await this.#host.commit(row);
  }

  /** After a failed write this process compacts no more. */
  async #abandonOutput(error: unknown): Promise<void> {
    const output = this.#output;
    this.#output = undefined;
    const isStopped = error instanceof Stopped;
    this.#isBroken = !isStopped;
    await output?.copy.abandon(this.#host.segments, isStopped ? undefined : error);
  }

  async #pauseIfDue(): Promise<void> {
    if (this.#slices.isOver) await this.#slices.pause();
  }
}

/** Below this, which is where a value begins or the log ends, everything was appended longer ago than the least lag, and is within the policy's bound. */
function compactableTo(partition: Partition, { minLagMs, endOffset }: CompactionPolicy, now: number): number {
  const { flushedEndOffset, logStartOffset } = partition;
  const oldEnough = minLagMs === 0 ? flushedEndOffset : appendedWithin(partition, minLagMs, now);
  if (endOffset === undefined || endOffset >= oldEnough) return oldEnough;
  return endOffset <= logStartOffset ? endOffset : partition.valueAt(endOffset).baseOffset;
}

/** What lies below `endOffset` and can be compacted. */
function compactable(partition: Partition, endOffset: number): Compactable {
  const { logStartOffset, compaction } = partition;
  const dirtyFrom = Math.min(Math.max(compactedTo(compaction), logStartOffset), endOffset);
  const after = partition.sizeBytesFrom(dirtyFrom);
  return {
    cleanBytes: partition.sizeBytesFrom(logStartOffset) - after,
    dirtyBytes: after - partition.sizeBytesFrom(endOffset),
    dirtySince: dirtyFrom < endOffset ? partition.valueAt(dirtyFrom).maxAppendTime : Number.POSITIVE_INFINITY,
  };
}
