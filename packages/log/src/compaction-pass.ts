import { EdgelogError } from '@edgelog/base';
import { type BatchHeader, type KeptRecords, keepRecords, type RecordSpan, scanRecords } from '@edgelog/wire';
import type { CompactedRange } from './compacted-range.ts';
import { type CompactionStep, survives } from './compaction.ts';
import { OffsetMap } from './offset-map.ts';
import type { StoredValue } from './stored-value.ts';
import type { CompactionPass } from './types.ts';
import { isDamagedPart, type SoundBatch, walkValue } from './value-walk.ts';

/** A batch whose records would take more than this, decompressed, is not looked into and stays as it is. */
const RECORDS_BYTES_MAX = 32 * 2 ** 20;

/** The latest offset of each key in the part of a partition that was not compacted before. */
export class LatestOffsets {
  readonly #bytesMax: number;
  #map: OffsetMap | undefined;
  #endOffset: number;
  /** Keys of a batch: from, to, offset. */
  readonly #keys: number[] = [];

  constructor(baseOffset: number, bytesMax: number) {
    this.#endOffset = baseOffset;
    this.#bytesMax = bytesMax;
  }

  /** Keys of everything below are known. */
  get endOffset(): number {
    return this.#endOffset;
  }

  get(key: Buffer, from: number, to: number): number {
    return this.#map?.latest(key, from, to) ?? -1;
  }

  /** Takes in the next value, `offsetsLeft` offsets before what is to be known. False when its keys do not fit any more. */
  learn({ key, bytes }: StoredValue, offsetsLeft: number): boolean {
    const parts = [...walkValue(bytes, key, key.baseOffset)];
    const batches = parts.filter((part): part is SoundBatch => !isDamagedPart(part));
    const records = batches.reduce((sum, { header }) => sum + header.recordCount, 0);
    this.#map ??= new OffsetMap(offsetsLeft, this.#bytesMax, records);
    if (this.#map.room < records) return false;
    for (const { at, header } of batches) {
      if (!header.isControl) this.#learnBatch(this.#map, bytes.subarray(at, at + header.sizeBytes), header);
    }
    this.#endOffset = key.endOffset;
    return true;
  }

  /** All keys of the batch, or none where its records cannot be read: an older record must not go for such a one. */
  #learnBatch(map: OffsetMap, batch: Buffer, header: BatchHeader): void {
    const keys = this.#keys;
    let records = batch;
    let end = 0;
    const visit = ({ section, keyFrom, keyTo, offset }: RecordSpan) => {
      records = section;
      if (keyFrom < 0) return;
      keys[end++] = keyFrom;
      keys[end++] = keyTo;
      keys[end++] = offset;
    };
    if (unreadableReason(() => scanRecords(batch, header, visit, RECORDS_BYTES_MAX)) !== undefined) return;
    for (let i = 0; i < end; i += 3) map.put(records, keys[i]!, keys[i + 1]!, keys[i + 2]!);
  }
}

/** Copies what survives of a partition, value by value, and keeps account of it. */
export class Survivors {
  readonly result: CompactionPass;
  /** Tombstones that are left and can go later, at least one of each step that has any. */
  readonly tombstones: number[] = [];
  readonly #latest: LatestOffsets;
  readonly #steps: readonly CompactionStep[];
  #tombstonesGoneBelow: number;
  /** Tombstones below this are accounted for. */
  #tombstonesKnownTo = 0;

  constructor(
    partition: string,
    latest: LatestOffsets,
    steps: readonly CompactionStep[],
    tombstonesGoneBelow: number,
  ) {
    this.#latest = latest;
    this.#steps = steps;
    this.#tombstonesGoneBelow = tombstonesGoneBelow;
    this.result = {
      partition,
      endOffset: latest.endOffset,
      recordsBefore: 0,
      recordsAfter: 0,
      bytesBefore: 0,
      bytesAfter: 0,
      tombstonesRemoved: 0,
      unreadable: [],
      tookMs: 0,
    };
  }

  /** Batch by batch: `pause` is called between them. */
  async copy({ key, bytes }: StoredValue, range: CompactedRange, pause: () => Promise<void>): Promise<void> {
    range.appendedBy(key.maxAppendTime);
    this.result.bytesBefore += bytes.length;
    let at = 0;
    let damaged: { baseOffset: number; endOffset: number } | undefined;
    const copyDamaged = async (to: number) => {
      if (damaged === undefined) return;
      await range.addDamaged(bytes.subarray(at, to), damaged.baseOffset, damaged.endOffset, key.leaderEpoch);
      damaged = undefined;
    };
    for (const part of walkValue(bytes, key, key.baseOffset)) {
      if (isDamagedPart(part)) {
        damaged = { baseOffset: damaged?.baseOffset ?? part.baseOffset, endOffset: part.endOffset };
        this.#unreadable(part);
        continue;
      }
      await copyDamaged(part.at);
      await this.#copyBatch(bytes.subarray(part.at, part.at + part.header.sizeBytes), part.header, range);
      at = part.at + part.header.sizeBytes;
      await pause();
    }
    await copyDamaged(bytes.length);
  }

  async #copyBatch(batch: Buffer, header: BatchHeader, range: CompactedRange): Promise<void> {
    const { recordCount, isControl } = header;
    this.result.recordsBefore += recordCount;
    if (recordCount === 0) return;
    const kept = isControl ? undefined : this.#keptOf(batch, header);
    if (kept?.count === 0) return;
    const isWhole = kept === undefined || kept.count === recordCount;
    const copy = isWhole ? batch : await keepRecords(batch, header, kept);
    const maxTimestamp =
      isWhole || header.timestampType === 'append' ? header.maxTimestamp : kept.maxTimestamp;
    await range.add(copy, { ...header, maxTimestamp });
    this.result.recordsAfter += kept?.count ?? recordCount;
  }

  /** Undefined when the records cannot be read. */
  #keptOf(batch: Buffer, header: BatchHeader): KeptRecords | undefined {
    const kept = new KeptRuns();
    const tombstones: number[] = [];
    let tombstonesRemoved = 0;
    const visit = (span: RecordSpan) => {
      const { section, offset, keyFrom, keyTo, isTombstone } = span;
      const hasKey = keyFrom >= 0;
      const latest = hasKey ? this.#latest.get(section, keyFrom, keyTo) : -1;
      if (survives({ offset, hasKey, isTombstone }, latest, this.#tombstonesGoneBelow)) {
        kept.add(span);
        if (hasKey && isTombstone) tombstones.push(offset);
      } else if (isTombstone) tombstonesRemoved++;
    };
    const reason = unreadableReason(() => scanRecords(batch, header, visit, RECORDS_BYTES_MAX));
    if (reason !== undefined) {
      this.#unreadable({ baseOffset: header.baseOffset, endOffset: header.lastOffset + 1, reason });
      return undefined;
    }
    this.result.tombstonesRemoved += tombstonesRemoved;
    for (const offset of tombstones) this.#note(offset);
    return kept;
  }

  /** What a tombstone after it deleted may lie in it and come to light again, so they all stay. */
  #unreadable({ baseOffset, endOffset, reason }: CompactionPass['unreadable'][number]): void {
    this.#tombstonesGoneBelow = Math.min(this.#tombstonesGoneBelow, baseOffset);
    this.result.unreadable.push({ baseOffset, endOffset, reason });
  }

  #note(tombstone: number): void {
    if (tombstone < this.#tombstonesKnownTo || this.result.unreadable.length > 0) return;
    this.tombstones.push(tombstone);
    const step = this.#steps.find(({ endOffset }) => endOffset > tombstone);
    this.#tombstonesKnownTo = step?.endOffset ?? Number.POSITIVE_INFINITY;
  }
}

/** Records that stay, those that lie side by side as one piece. */
class KeptRuns implements KeptRecords {
  count = 0;
  maxTimestamp = -1;
  readonly #runs: { section: Buffer; from: number; to: number }[] = [];

  add({ section, from, to, timestamp }: RecordSpan): void {
    this.count++;
    this.maxTimestamp = Math.max(this.maxTimestamp, timestamp);
    const last = this.#runs.at(-1);
    if (last?.to === from) last.to = to;
    else this.#runs.push({ section, from, to });
  }

  get bytes(): Buffer[] {
    return this.#runs.map(({ section, from, to }) => section.subarray(from, to));
  }
}

/** Undefined where the records could be read. */
function unreadableReason(scan: () => void): string | undefined {
  try {
    scan();
    return undefined;
  } catch (error) {
    if (error instanceof EdgelogError) return error.message;
    throw error;
  }
}
