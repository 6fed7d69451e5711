import type { ErrorName } from '@edgelog/wire';

/** Who leads and who has a partition, as Metadata and its like tell it. */
export interface Leadership {
  /** −1 while nobody leads. */
  readonly leaderId: number;
  readonly leaderEpoch: number;
  /** In order of preference. */
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
  readonly elr: readonly number[];
  /** Members of `replicas` that a reassignment brings and takes away. */
  readonly adding: readonly number[];
  readonly removing: readonly number[];
}

/** What this broker is to a partition, and how far the partition's replicas have come. */
export interface Replication {
  readonly leadership: Leadership;
  /** NONE where this broker leads now; else what to answer who needs the leader. */
  readonly leaderRefusal: ErrorName;
  /** NONE where consumers may read here: at the leader, or at a follower that is in sync. */
  readonly readRefusal: ErrorName;
  /** What consumers may see ends here: all of it is on every replica that has to have it. */
  readonly highWatermark: number;
  /**
   * False after a leader began, until it knows that `highWatermark` is no lower than what its predecessor told:
   * OFFSET_NOT_AVAILABLE for who asks for the end.
   */
  readonly isHighWatermarkKnown: boolean;
  /** NONE, or why an append that every replica must have cannot be taken now. */
  readonly commitRefusal: ErrorName;
  /**
   * Resolves when everything below `endOffset` is committed: NONE; or with why that will not be known here, as soon as it is clear.
   * `flushed` is the append's own flush; rejects when that does.
   */
  committed(endOffset: number, flushed: Promise<void>): Promise<ErrorName>;
  /** The log of this broker is on disk up to its flushed end. */
  onFlushed(): void;
}
