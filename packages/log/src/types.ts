import type { BatchHeader } from '@edgelog/wire';

/** Why an append was refused: Kafka's own names, so that the broker can answer them as they are. */
export type AppendError =
  | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  | 'INVALID_PRODUCER_EPOCH'
  | 'INVALID_RECORD'
  | 'CORRUPT_MESSAGE'
  | 'DUPLICATE_SEQUENCE_NUMBER';

/**
 * `flushed` resolves when the group that holds the append is on disk; only then may anyone be told.
 * It rejects with EdgelogError STORE_FAILED when that commit failed.
 * A duplicate answers with the offsets of the original (−1 when it is older than the five batches kept) and its
 * `flushed` waits for the original's group if that is still in flight.
 */
export type AppendResult =
  | {
      ok: true;
      baseOffset: number;
      lastOffset: number;
      duplicate: boolean;
      appendTime: number;
      flushed: Promise<void>;
    }
  | { ok: false; error: AppendError; message: string };

export interface AppendOptions {
  leaderEpoch: number;
  /**
   * `assign`: the log gives the offsets (a leader). `verbatim`: the batch's own base offset must be the log's end
   * (a gateway sealing its own batch). A follower's are appended by `appendReplicated`.
   */
  offsets: 'assign' | 'verbatim';
  /** False when the bytes were checked already by the caller in this process. Default true. */
  checkCrc?: boolean;
}

/** What the log knows of one producer id in one partition; durable with the batches that moved it. */
export interface ProducerState {
  producerId: number;
  producerEpoch: number;
  /** Sequence expected next, 0 … 2^31−1. */
  nextSequence: number;
  /** Records accepted from this producer id since its first batch (of this epoch): an unwrapped position. */
  recordCount: number;
  /** When the last batch was appended here, epoch milliseconds. Ordinary ids expire by this, reserved ones never. */
  lastAppendTime: number;
  /** At most five, oldest first. */
  batches: {
    firstSequence: number;
    lastSequence: number;
    baseOffset: number;
    timestamp: number;
    crc: number;
  }[];
}

/** What became of a fetched piece of a leader's log. */
export type ReplicatedAppend =
  | {
      ok: true;
      /** One past the last batch, as `logEndOffset`. */
      endOffset: number;
      recordCount: number;
      /**
       * Offsets that the leader's compaction left empty were among them: batches of producers may be missing, whose states the leader
       * has nevertheless.
       */
      hasHoles: boolean;
      flushed: Promise<void>;
    }
  /** Nothing of it was appended. */
  | { ok: false; error: AppendError; message: string };

/** Where a replica begins that has nothing its leader still has. */
export interface ReplicaStart {
  startOffset: number;
  /** What the leader knows of producers, */
  producers: Iterable<ProducerState>;
  /** from all batches below this offset. */
  producersThrough: number;
}

export interface ReadOptions {
  maxBytes: number;
  /** Return the first batch even if it is larger than `maxBytes` (Kafka's rule). Default true. */
  atLeastOne?: boolean;
  /** Exclusive bound; default what is flushed. */
  endOffset?: number;
  /** Also what is appended and not on this disk yet, from memory. Default false. */
  unflushed?: boolean;
  /** Also the empty batches that compaction left, so that a replica of the log is dense: the first one holds the offset asked for. Default false. */
  withEmpty?: boolean;
  /** Gives the memory to read into, of exactly so many bytes. Default: fresh memory. */
  memory?: (sizeBytes: number) => Buffer;
}

export interface ReadResult {
  /**
   * Whole batches, contiguous, the first one containing the offset asked for, or the next one with records where compaction left
   * an empty batch. Copies, owned by the caller.
   */
  batches: Buffer[];
  sizeBytes: number;
}

/** Offsets [baseOffset, endOffset) that are stored and cannot be read. */
export interface StoredDamage {
  /** The partition's name. */
  readonly partition: string;
  readonly baseOffset: number;
  readonly endOffset: number;
  readonly reason: string;
}

/** When and how far a partition is compacted: of each key only its latest record stays. Times go by the append here. */
export interface CompactionPolicy {
  /** A pass is due when more than this share of what can be compacted has not been, 0 … 1. */
  dirtyRatioMin: number;
  /** Or when something that has not been is older than this, milliseconds. */
  maxLagMs: number;
  /** Younger records are left alone. */
  minLagMs: number;
  /** How long a tombstone (a key with the value null) stays after it was first compacted. */
  deleteRetentionMs: number;
  /** What is in the active segment cannot be compacted. It is rolled for a pass when it holds this much of the partition, in bytes, */
  rollBytes: number;
  /** or something of it that is older than this, milliseconds. */
  rollMs: number;
  /** Nothing at or above this is compacted. Default: what is flushed. */
  endOffset?: number;
}

/** What is kept of a partition; each bound is undefined where there is none. */
export interface RetentionPolicy {
  /** How long after they were appended here records are kept, milliseconds. Their own timestamps do not matter. */
  retentionMs: number | undefined;
  /** Never less than this is kept, in bytes of batches; what is beyond it goes, oldest first. */
  retentionBytes: number | undefined;
}

/** What a policy keeps no longer: everything below the offset. */
export interface Expiry {
  logStartOffset: number;
  /** The bound that asked for it. */
  by: 'time' | 'size';
}

/** A chunk of the open tail: records that are durable but not yet sealed in a batch. */
export interface TailChunk {
  baseOffset: number;
  recordCount: number;
  /** Opaque to the log. */
  bytes: Buffer;
}

/** Offset of the first record whose timestamp is at or after the one asked for. */
export interface TimeLookup {
  offset: number;
  timestamp: number;
}

/** Which leader epoch wrote which offsets (CLUSTER.md, "Epoch cache"). Durable with the next commit. */
export interface LeaderEpochs {
  /** The newest epoch known, undefined where none was ever assigned. */
  readonly latest: number | undefined;
  /** `epoch` begins at `startOffset`: entries at or above either are dropped. */
  assign(epoch: number, startOffset: number): void;
  /** The largest known epoch ≤ `epoch` and the offset where it ends; undefined when `epoch` is newer than all known. */
  endOffsetFor(epoch: number): { epoch: number; endOffset: number } | undefined;
  /** The epoch that wrote what is at `offset`, or would next; undefined below the first one known. */
  epochAt(offset: number): number | undefined;
}

/**
 * One partition's log. Writes are synchronous in memory (offsets are assigned at once, in call order) and become
 * durable with the next group commit. Everything enqueued in one synchronous turn commits in the same transaction.
 */
export interface PartitionLog {
  readonly name: string;
  readonly leaderEpochs: LeaderEpochs;
  /** First offset still readable. */
  readonly logStartOffset: number;
  /** One past the last batch appended, flushed or not. */
  readonly logEndOffset: number;
  /** One past the last flushed batch: nothing above is served. */
  readonly flushedEndOffset: number;
  /** One past the last record, the open tail included (= logEndOffset where there is no tail). */
  readonly tailEndOffset: number;

  /** Bytes of the batches from the log start to the end; where the start cannot be read, what its segment holds. */
  readonly liveBytes: number;

  /** The oldest segment that holds any of it and is written no more, and where what it holds ends: all below that can go for it. */
  readonly oldestSegment: { segment: number; endOffset: number } | undefined;

  /** Bytes on disk of the batches from `offset` to the end. Exact to a stored value; O(log segments). */
  sizeBytesFrom(offset: number): number;

  /** Below this, the states of producers are the leader's (`adoptProducers`), of which the log here may lack the end. 0: all are its own. */
  readonly producersThrough: number;

  /** Appends exactly one batch. The buffer belongs to the log until `flushed`; base offset and epoch are patched in place. */
  append(batch: Buffer, header: BatchHeader, options: AppendOptions): AppendResult;

  /**
   * Appends whole batches, back to back, as a leader's log has them: offsets and leader epochs stay, and the states of producers follow without
   * a judgement. Where the first one begins above the log's end, because the leader's compaction took away what was between, an empty batch
   * fills the gap. It may begin below only where it is empty, or in an empty log of which the start lies within it. All are
   * checked before one is appended. The buffer belongs to the log until `flushed`.
   */
  appendReplicated(batches: Buffer): ReplicatedAppend;

  /**
   * Drops everything at or above `endOffset`, flushed or not, with what it did to leader epochs and producers. A batch that holds `endOffset`
   * is dropped whole; the log start does not move. Returns the log's end after it, from which appends go on at once. Durable with
   * the next commit: a crash before it leaves the log as it was. Nothing is changed where it throws: on a disk without room for the new segment
   * that it takes. Not below `producersThrough`, but for `startAnew`.
   */
  truncate(endOffset: number): number;

  /** Drops everything, the leader epochs too, and begins at `startOffset` with the leader's producers. Durable with the next commit, as a whole. */
  startAnew(start: ReplicaStart): void;
  /**
   * Puts the leader's states of producers, from all batches below `producersThrough`, in the place of all here. What is appended below leaves
   * them alone; what is here already from there on is added to them.
   */
  adoptProducers(producers: Iterable<ProducerState>, producersThrough: number): void;

  /**
   * Every batch is checked as it is read. What lies before damage is returned; at damage it throws StoredDamageError, which
   * says from where on the log can be read again.
   */
  read(offset: number, options: ReadOptions): ReadResult;
  /** The damaged range that holds the offset, if a read has met it. */
  damageAt(offset: number): StoredDamage | undefined;
  /** The first record that can be read, at or after `timestamp` and below `endOffset`, by default what is flushed. */
  offsetForTimestamp(timestamp: number, endOffset?: number): TimeLookup | undefined;
  /** Header of the batch whose last offset is `lastOffset`, if there is one such batch still stored. */
  batchEndingAt(lastOffset: number): BatchHeader | undefined;

  /** State including appends that are not flushed yet. */
  producer(producerId: number): ProducerState | undefined;
  producers(): Iterable<ProducerState>;

  /** Adds to the open tail; `chunk.baseOffset` must be `tailEndOffset`. Resolves when flushed. */
  stage(chunk: TailChunk): Promise<void>;
  /** The tail's chunks in order (flushed or not). Used after reopen. */
  tail(): TailChunk[];
  /**
   * Appends `batch` verbatim and removes the tail rows it covers, in one transaction. It must end on a chunk's end, or
   * reach past the tail's end (records that were never staged). While there is a tail, `append` is not allowed.
   */
  seal(batch: Buffer, header: BatchHeader): AppendResult;

  /**
   * What the policy keeps no longer, to a stored value, and never past `endOffset`, by default what is flushed; undefined when it
   * keeps everything. Moves nothing by itself.
   */
  expiry(policy: RetentionPolicy, endOffset?: number): Expiry | undefined;

  /** Marks everything below `offset` dead; segments in which nothing lives are unlinked. Durable with the next commit. */
  advanceLogStart(offset: number): void;
}

/** Small durable values that commit together with the batches of the same turn. Mirrored in memory: keep it small. */
export interface StateTable {
  get(key: string): Buffer | undefined;
  put(key: string, value: Buffer): void;
  delete(key: string): void;
  entries(prefix: string): Iterable<[key: string, value: Buffer]>;
}

export interface LogStoreOptions {
  /** Created if missing. Locked against a second process: EdgelogError DATA_DIR_IN_USE. */
  dir: string;
  /** A segment is rolled when its batches reach this. Default 256 MiB. */
  segmentBytes?: number;
  /** False only in benchmarks: acknowledge before the flush. Default true. */
  flush?: boolean;
  /**
   * Bytes of a journal in front of the segments, in which small commits are durable sooner and at less cost; it takes as much
   * memory. Default 0: none.
   */
  journalBytes?: number;
  /**
   * Commits with more than this in batches go to their segment at once, since they would be written twice. Default: only commits of more than an
   * eighth of `journalBytes`.
   */
  journalBatchBytes?: number;
  /** Commits of this and more are compressed in the journal. Default: none. */
  journalCompressBytes?: number;
  now?: () => number;
  /** Called once when a write or flush failed; the store accepts nothing any more. */
  onFatal?: (error: Error) => void;
  /** Called once for each range that a read finds damaged. It must not read. */
  onDamage?: (damage: StoredDamage) => void;
}

export interface CleaningOptions {
  /** A segment is cleaned when this share of its batches is dead, above 0 … 1. */
  deadShare: number;
}

/** What became of one segment. Bytes are those of its file; a segment that cannot be cleaned stays as it is. */
export type SegmentCleaning =
  | { segment: number; bytesBefore: number; bytesAfter: number }
  | { segment: number; error: Error };

export interface CompactionOptions {
  /** By the names of the partitions; others are left alone. */
  policies: ReadonlyMap<string, CompactionPolicy>;
  /** Memory for the keys of one pass; where it does not do there are several passes. Default 48 MiB. */
  mapBytesMax?: number;
  /** No pass but the first is begun later than this, so that `clean` has its turn; those left come first next time. Default: no limit. */
  beginWithinMs?: number;
}

/** What one pass made of a partition: everything between its log start and `endOffset` is compacted. */
export interface CompactionPass {
  partition: string;
  endOffset: number;
  recordsBefore: number;
  recordsAfter: number;
  bytesBefore: number;
  bytesAfter: number;
  /** Of the records that went. */
  tombstonesRemoved: number;
  /** What could not be read, and so stayed as it is, with all tombstones after it. */
  unreadable: { baseOffset: number; endOffset: number; reason: string }[];
  tookMs: number;
}

/** A partition that cannot be compacted stays as it is. */
export type PartitionCompaction = CompactionPass | { partition: string; error: Error };

export interface LogStoreStats {
  segments: number;
  /** Sizes of all segment files as the file system has them allocated. */
  physicalBytes: number;
  /** All that the store takes on disk: those, the next segment, lock files, the journal. */
  diskBytes: number;
  /** Bytes of stored batches that can still be read. */
  liveBytes: number;
  /** Bytes of stored batches below their log's start, or of deleted partitions: not freed yet. */
  deadBytes: number;
  appendedBytes: number;
  /** Given to the disk since the store was opened: what the journal wrote, and the pages of segments, reckoned by their rows. */
  writtenBytes: number;
  commits: number;
  pendingBytes: number;
}

/** One volume: the logs of many partitions in a sequence of segments with one writer. */
export interface LogStore {
  readonly state: StateTable;
  partition(name: string): PartitionLog | undefined;
  partitions(): Iterable<PartitionLog>;
  /** Returns the existing one if there is one. `startOffset` (default 0) is where a new one begins. */
  createPartition(name: string, startOffset?: number): PartitionLog;
  deletePartition(name: string): void;
  /** Resolves when everything enqueued so far is on disk. */
  flushed(): Promise<void>;
  /** For one who gathers the work of a turn and hands it over at its end: nothing more follows, the commit need not wait for another turn. */
  turnEnds(): void;
  stats(): LogStoreStats;
  /** What reading has found damaged since the store was opened, above the log starts. */
  damage(): StoredDamage[];
  /**
   * Frees the disk of what is dead beside what lives: mostly dead segments are copied, without it, into new files; the
   * active one is rolled first when it is mostly dead. A little work per turn. Resolves with what was done.
   */
  clean(options: CleaningOptions): Promise<SegmentCleaning[]>;
  /**
   * Compacts the partitions that are due: of each key only the latest record stays, order and offsets do not change, and what
   * goes is dead for `clean`. The active segment is rolled first where a policy asks for it. A little work per turn.
   * Resolves with one entry for each pass.
   */
  compact(options: CompactionOptions): Promise<PartitionCompaction[]>;
  /** Flushes and closes. */
  close(): Promise<void>;
}
