import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { assert, EdgelogError } from '@edgelog/base';
import { Cleaner } from './cleaner.ts';
import { checkClosingNote, removeClosingNote, writeClosingNote } from './closing-note.ts';
import { Compactor } from './compactor.ts';
import { DamageRegister } from './damage.ts';
import { type DirLock, isOfLock, lockDir } from './dir-lock.ts';
import { noteFailure, writeAgainAfterFailure } from './failure-note.ts';
import { type Commit, GroupCommit } from './group-commit.ts';
import { JoinArena } from './join-arena.ts';
import { Journal } from './journal.ts';
import { headerKey, RowKind, segmentKey } from './keys.ts';
import { Partition, type PartitionHost } from './partition.ts';
import { type Recovered, recover } from './recovery.ts';
import { encodeHeader, FORMAT } from './rows.ts';
import type { RowWrite, Segment } from './segment.ts';
import { SegmentFiles, syncDir } from './segment-files.ts';
import { MirroredStateTable } from './state-table.ts';
import type {
  CleaningOptions,
  CompactionOptions,
  LogStore,
  LogStoreOptions,
  LogStoreStats,
  PartitionCompaction,
  PartitionLog,
  SegmentCleaning,
  StoredDamage,
} from './types.ts';
import { replayJournal, WriteAhead } from './write-ahead.ts';

const SEGMENT_BYTES = 256 * 2 ** 20;
/** Less than this share of a segment's size is not worth a cleaning, nor this one a roll. */
const CLEAN_DEAD_MIN = 1 / 256;
const ROLL_DEAD_MIN = 1 / 32;
/** The next segment is made ready when the active one is this full. */
const PREPARE_AT = 0.75;
/** So many commits show that there is work for which making the journal pays. */
const JOURNAL_AFTER = 32;

/** Opens the log store in `dir`, making it where there is none (README, "On disk"). */
export async function openLogStore(options: LogStoreOptions): Promise<LogStore> {
  await prepareDir(options.dir);
  const lock = await lockDir(options.dir);
  try {
    return await open(options, lock);
  } catch (error) {
    await lock.release();
    throw isOfTheSystem(error) ? unusable(options.dir, error) : error;
  }
}

/** What the file system answered, here or to LMDB, which gives its number. */
function isOfTheSystem(error: unknown): error is Error {
  return error instanceof Error && ('errno' in error || ('code' in error && typeof error.code === 'number'));
}

function unusable(dir: string, cause: Error): EdgelogError {
  return new EdgelogError('DATA_DIR_INVALID', `the log in ${dir} cannot be opened: ${cause.message}`, {
    cause,
  });
}

async function open(options: LogStoreOptions, lock: DirLock): Promise<LogStore> {
  const { dir, segmentBytes = SEGMENT_BYTES, flush = true } = options;
  const segmentsDir = join(dir, 'segments');
  const found = await SegmentFiles.list(segmentsDir);
  const written = { bytes: 0 };
  const files = new SegmentFiles(segmentsDir, {
    flush,
    mapBytes: 4 * segmentBytes + 2 ** 30,
    wrote: (bytes) => {
      written.bytes += bytes;
    },
  });
  try {
    const newest = found.at(-1)?.id;
    if (newest === undefined) {
      checkClosingNote(dir, undefined);
      const store = new SegmentedLogStore(options, segmentBytes, lock, files, undefined, 0, written);
      await store.begin();
      await syncDir(dir);
      return store;
    }
    await writeAgainAfterFailure(dir, files.pathOf(newest));
    const active = files.openActive(newest);
    const { transaction } = active;
    const { recovered, lastCommit } = await recoverFrom(dir, active, files.pathOf(newest));
    checkClosingNote(dir, { segment: newest, transaction });
    for (const { id, generation } of found) {
      const row = recovered.segments.get(id) ?? { generation: 0, batchBytes: 0 };
      if (id !== newest && generation === row.generation) files.addSealed(id, row);
    }
    for (const { ranges } of recovered.partitions.values()) {
      for (const { segmentId } of ranges) if (segmentId !== newest) files.retain(segmentId);
    }
    await removeClosingNote(dir);
    const store = new SegmentedLogStore(options, segmentBytes, lock, files, recovered, lastCommit, written);
    await files.removeLeftovers(found);
    for (const dead of files.takeDead()) await files.drop(dead);
    return store;
  } catch (error) {
    await files.close();
    throw error;
  }
}

/** After a crash, what the journal has is written to the segment first: where there is no room for it, nothing can be opened. */
async function recoverFrom(dir: string, active: Segment, path: string) {
  try {
    const lastCommit = await replayJournal(journalDir(dir), active);
    return { recovered: recover(active, path), lastCommit };
  } catch (error) {
    if (!(error instanceof EdgelogError)) noteFailure(dir);
    if (!(error instanceof EdgelogError) || error.code !== 'CORRUPT_BATCH') throw error;
    throw new EdgelogError('DATA_DIR_INVALID', `${path} is damaged: ${error.message}`, { cause: error });
  }
}

function journalDir(dir: string): string {
  return join(dir, 'journal');
}

/**
 * Makes the directory and those above it, and answers the highest that was missing. Level by level: Node's own way tries for ever, and
 * eats all memory, where a parent exists and nothing can be made in it (procfs).
 */
function makeDirs(dir: string): string | undefined {
  const isThere = () => statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isThere()) return undefined;
  const parent = dirname(dir);
  const highest = parent === dir ? undefined : makeDirs(parent);
  try {
    mkdirSync(dir);
  } catch (error) {
    if (!isThere()) throw error;
  }
  return highest ?? dir;
}

/** The directory must be new, empty, or one of ours. */
async function prepareDir(dir: string): Promise<void> {
  try {
    const highestMade = makeDirs(resolve(dir));
    if (highestMade !== undefined) await syncParents(resolve(dir), dirname(highestMade));
  } catch (cause) {
    throw new EdgelogError(
      'DATA_DIR_INVALID',
      `${dir} cannot be a data directory: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
  if (existsSync(join(dir, 'segments'))) return;
  const foreign = readdirSync(dir).find((name) => !isOfLock(name) && name !== 'lost+found');
  if (foreign !== undefined) {
    throw new EdgelogError(
      'DATA_DIR_INVALID',
      `${dir} holds ${foreign} and no Edgelog log: give a directory of its own`,
    );
  }
}

/** A new directory is durable when the one above it is: from that of `dir` up to `highest`. */
async function syncParents(dir: string, highest: string): Promise<void> {
  const parent = dirname(dir);
  await syncDir(parent);
  if (parent !== highest && parent !== dir) await syncParents(parent, highest);
}

class SegmentedLogStore implements LogStore, PartitionHost {
  readonly state: MirroredStateTable;
  readonly segments: SegmentFiles;
  readonly arena = new JoinArena();
  readonly damaged: DamageRegister;
  readonly #options: LogStoreOptions;
  readonly #segmentBytes: number;
  readonly #lock: DirLock;
  readonly #commits: GroupCommit;
  readonly #ahead: WriteAhead;
  readonly #journalBytes: number;
  #journalOpened: Promise<void> | undefined;
  readonly #partitions = new Map<string, Partition>();
  /** Partitions with something for the next commit. */
  #dirty = new Set<Partition>();
  /** Rows for the next commit by key: a later write of the same row replaces an earlier one. */
  #rows = new Map<string, RowWrite>();
  #nextPartitionId: number;
  /** Bytes of batches enqueued for the active segment. */
  #activeBytes: number;
  #appendedBytes = 0;
  readonly #cleaner: Cleaner;
  readonly #compactor: Compactor;
  /** Cleaning and compaction read the same segments and replace them: one at a time. */
  #maintenance: Promise<unknown> = Promise.resolve();
  #cleaning: Promise<SegmentCleaning[]> | undefined;
  /** The next commit begins a new segment, however much is in the active one. */
  #rollAsked = false;
  /** To segments. */
  readonly #written: { readonly bytes: number };
  #closed = false;

  constructor(
    options: LogStoreOptions,
    segmentBytes: number,
    lock: DirLock,
    files: SegmentFiles,
    recovered: Recovered | undefined,
    lastCommit: number,
    written: { readonly bytes: number },
  ) {
    this.#options = options;
    this.#written = written;
    this.#segmentBytes = segmentBytes;
    this.#lock = lock;
    this.segments = files;
    this.damaged = new DamageRegister((damage) => options.onDamage?.(damage));
    this.#commits = new GroupCommit({
      cut: () => this.#cut(),
      onFatal: (error) => {
        noteFailure(options.dir);
        options.onFatal?.(error);
      },
    });
    const { flush = true, journalBytes = 0 } = options;
    this.#journalBytes = flush ? journalBytes : 0;
    this.#ahead = new WriteAhead(lastCommit, this.#journalBytes > 0, (error) => this.#commits.fail(error));
    this.state = new MirroredStateTable(recovered?.state ?? new Map(), (row) => {
      this.assertOpen();
      this.put(row);
      void this.#commits.enqueue(row[1]?.length ?? 0);
    });
    const host = {
      segments: files,
      segmentBytes,
      partitions: () => this.#partitions.values(),
      isStopping: () => this.#isStopping,
      commit: (row: RowWrite | undefined) => this.#commitRow(row),
      now: () => this.now(),
    };
    this.#cleaner = new Cleaner(host);
    this.#compactor = new Compactor(host);
    this.#nextPartitionId = recovered?.nextPartitionId ?? 1;
    this.#activeBytes = recovered?.activeBytes ?? 0;
    for (const seed of recovered?.partitions.values() ?? []) {
      this.#partitions.set(seed.name, new Partition(this, seed));
    }
    if (recovered !== undefined && recovered.format !== FORMAT) this.put(this.#headerRow());
  }

  /** Makes the first segment of a new store. */
  async begin(): Promise<void> {
    this.segments.prepareNext();
    const rows: RowWrite[] = [];
    const promoted = this.#roll(rows);
    await promoted(this.#ahead.commitDirectly(this.segments.active, rows));
  }

  partition(name: string): PartitionLog | undefined {
    return this.#partitions.get(name);
  }

  partitions(): Iterable<PartitionLog> {
    return this.#partitions.values();
  }

  createPartition(name: string, startOffset = 0): PartitionLog {
    this.assertOpen();
    const existing = this.#partitions.get(name);
    if (existing !== undefined) return existing;
    assert(Number.isSafeInteger(startOffset) && startOffset >= 0, `start offset ${startOffset} of ${name}`);
    const partition = new Partition(this, {
      id: this.newPartitionId(),
      name,
      logStartOffset: startOffset,
      logEndOffset: startOffset,
      bytesEnd: 0,
      epochs: [],
      producers: new Map(),
      ranges: [],
      tail: [],
      compaction: [],
      producersThrough: 0,
    });
    this.#partitions.set(name, partition);
    partition.markDirty();
    return partition;
  }

  deletePartition(name: string): void {
    this.assertOpen();
    const partition = this.#partitions.get(name);
    if (partition === undefined) return;
    this.#partitions.delete(name);
    partition.delete();
  }

  flushed(): Promise<void> {
    return this.#commits.flushed();
  }

  turnEnds(): void {
    this.#commits.turnEnds();
  }

  stats(): LogStoreStats {
    let liveBytes = 0;
    for (const partition of this.#partitions.values()) liveBytes += partition.liveBytes;
    const storedBytes = this.segments.sealedBatchBytes() + this.#activeBytes;
    const physicalBytes = this.segments.physicalBytes();
    return {
      segments: this.segments.count,
      physicalBytes,
      diskBytes: physicalBytes + this.segments.sideBytes() + this.#ahead.journalBytes,
      liveBytes,
      deadBytes: Math.max(0, storedBytes - liveBytes),
      appendedBytes: this.#appendedBytes,
      writtenBytes: this.#written.bytes + this.#ahead.journalWrittenBytes,
      commits: this.#commits.commits,
      pendingBytes: this.#commits.pendingBytes,
    };
  }

  damage(): StoredDamage[] {
    return [...this.damaged.ranges];
  }

  clean(options: CleaningOptions): Promise<SegmentCleaning[]> {
    this.assertOpen();
    assert(options.deadShare > 0 && options.deadShare <= 1, `a dead share of ${options.deadShare}`);
    this.#cleaning ??= this.#maintain(() => this.#clean(options)).finally(() => {
      this.#cleaning = undefined;
    });
    return this.#cleaning;
  }

  compact(options: CompactionOptions): Promise<PartitionCompaction[]> {
    this.assertOpen();
    return this.#maintain(async () => {
      if (!this.#isStopping && (await this.#compactor.wantsRoll(options)) && !this.#isStopping) {
        await this.#rollNow();
      }
      return this.#compactor.compact(options);
    });
  }

  #maintain<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#maintenance.then(work);
    this.#maintenance = done.catch(() => {});
    return done;
  }

  get #isStopping(): boolean {
    return this.#closed || this.failed;
  }

  async #clean({ deadShare }: CleaningOptions): Promise<SegmentCleaning[]> {
    if (this.#isStopping) return [];
    await this.#rollIfDead(deadShare);
    const deadBytesMin = CLEAN_DEAD_MIN * this.#segmentBytes;
    return this.#cleaner.clean((batchBytes, liveBytes) => {
      const deadBytes = batchBytes - liveBytes;
      return deadBytes >= Math.max(deadBytesMin, deadShare * batchBytes);
    });
  }

  /** So that a topic that is quiet now does not hold what expired of it until its segment is full. */
  async #rollIfDead(deadShare: number): Promise<void> {
    const liveBytes = new Map<number, number>();
    for (const partition of this.#partitions.values()) partition.countLive(liveBytes);
    const deadBytes = this.#activeBytes - (liveBytes.get(this.segments.active.id) ?? 0);
    if (deadBytes < Math.max(ROLL_DEAD_MIN * this.#segmentBytes, deadShare * this.#activeBytes)) return;
    await this.#rollNow();
  }

  #rollNow(): Promise<void> {
    this.#prepareNext();
    this.#rollAsked = true;
    return this.#commits.enqueue(0);
  }

  #commitRow(row: RowWrite | undefined): Promise<void> {
    if (row !== undefined) this.put(row);
    return this.#commits.enqueue(0);
  }

  /** After a failure the directory stays locked until the process ends: LMDB cannot be closed in that state. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.failed) return;
    await this.#commits.flushed();
    await this.#maintenance;
    await this.#commits.settled;
    await this.#journalOpened;
    await this.#ahead.close(this.segments.active);
    const { id: segment, transaction } = this.segments.active;
    await this.segments.close();
    await writeClosingNote(this.#options.dir, { segment, transaction });
    await this.#lock.release();
  }

  now(): number {
    return (this.#options.now ?? Date.now)();
  }

  get failed(): boolean {
    return this.#commits.failure !== undefined;
  }

  enqueue(partition: Partition, bytes: number): Promise<void> {
    this.assertOpen();
    const flushed = this.#commits.enqueue(bytes);
    if (!this.failed) this.#dirty.add(partition);
    return flushed;
  }

  newPartitionId(): number {
    const id = this.#nextPartitionId++;
    this.put(this.#headerRow());
    return id;
  }

  rollAtNextCommit(): void {
    try {
      this.segments.prepareNext();
    } catch (cause) {
      throw new EdgelogError('LIMIT_EXCEEDED', `no room for another segment in ${this.#options.dir}`, {
        cause,
      });
    }
    this.#rollAsked = true;
  }

  put(row: RowWrite): void {
    if (!this.failed) this.#rows.set(row[0].toString('latin1'), row);
  }

  /** Everything pending as one transaction, in a new segment when the active one is full. */
  #cut(): Commit {
    const rows: RowWrite[] = [];
    const isDue = this.#rollAsked || this.#activeBytes >= this.#segmentBytes;
    this.#rollAsked = false;
    const rolling = isDue && this.segments.isNextReady ? this.#roll(rows) : undefined;
    if (rolling === undefined) rows.push(...this.#rows.values());
    // A map that is cleared points on to what is in it next, and keeps that alive while it is garbage itself.
    this.#rows = new Map();
    const collected = [...this.#dirty].map((partition) => partition.collect(rows));
    this.#dirty = new Set();
    collected.push(this.arena.endCommit());
    this.#countBatches(rows);
    const dead = this.segments.takeDead();
    for (const { id } of dead) rows.push([segmentKey(id), undefined]);
    if (this.#commits.commits >= JOURNAL_AFTER) this.#journalOpened ??= this.#openJournal();
    const { active } = this.segments;
    const written =
      rolling === undefined ? this.#ahead.commit(active, rows) : this.#ahead.commitDirectly(active, rows);
    const { number } = this.#ahead;
    return {
      durable: rolling === undefined ? written : rolling(written),
      onFlushed: () => {
        this.#ahead.acknowledged(number);
        for (const flushed of collected) flushed();
        for (const one of dead) this.segments.drop(one).catch((error) => this.#commits.fail(error));
      },
    };
  }

  /**
   * Begins a new segment with a copy of the whole state, into `rows`. It gets its number when it and all earlier
   * commits are on disk: that is what the returned function waits for.
   */
  #roll(rows: RowWrite[]): (written: Promise<void>) => Promise<void> {
    const earlier = this.#commits.settled;
    const drained = this.segments.hasActive ? this.#ahead.drain(this.segments.active) : undefined;
    const { active, sealedId } = this.segments.rollOver(this.#activeBytes);
    this.#activeBytes = 0;
    for (const partition of this.#partitions.values()) partition.retainRangeIn(sealedId);
    const now = this.now();
    for (const partition of this.#partitions.values()) partition.snapshot(rows, now);
    this.segments.snapshot(rows);
    this.state.snapshot(rows);
    rows.push(this.#headerRow());
    return async (written) => {
      await written;
      await earlier;
      await drained;
      if (this.failed) return;
      await this.segments.promote(active);
    };
  }

  /** Until the journal is there, and where there is no room for one, commits go to their segment. */
  async #openJournal(): Promise<void> {
    if (this.#journalBytes === 0) return;
    try {
      this.#ahead.use(
        await Journal.open(journalDir(this.#options.dir), {
          bytes: this.#journalBytes,
          batchBytesMax: this.#options.journalBatchBytes,
          compressBytes: this.#options.journalCompressBytes,
        }),
      );
    } catch {
      return;
    }
  }

  #countBatches(rows: readonly RowWrite[]): void {
    for (const [key, value] of rows) {
      if (key[0] !== RowKind.value || value === undefined) continue;
      this.#activeBytes += value.length;
      this.#appendedBytes += value.length;
    }
    if (this.#activeBytes >= PREPARE_AT * this.#segmentBytes) setImmediate(() => this.#prepareNext());
  }

  /** Where there is no room for another file the active segment grows past its size, and this is tried again. */
  #prepareNext(): void {
    if (this.#closed || this.failed) return;
    try {
      this.segments.prepareNext();
    } catch {
      return;
    }
  }

  #headerRow(): RowWrite {
    const row = {
      format: FORMAT,
      segmentId: this.segments.active.id,
      nextPartitionId: this.#nextPartitionId,
    };
    return [headerKey(), encodeHeader(row)];
  }

  assertOpen(): void {
    if (this.#closed) throw new EdgelogError('STORE_CLOSED', 'the log store is closed');
  }
}
