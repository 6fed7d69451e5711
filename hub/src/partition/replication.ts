import type { FollowerPosition } from '@edgelog/cluster';
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

/** A follower asks for what comes at a position: all below is on its disk. */
export interface FollowerFetch extends FollowerPosition {
  readonly follower: number;
  /** Under which registration. */
  readonly brokerEpoch: number;
  /** False for a follower that has the records up to there and not all that goes with them: it may not count as in sync. */
  readonly isComplete: boolean;
}

export type FollowerAnswer =
  | { readonly kind: 'read' }
  /** The logs agree up to there at most [KIP-595]. */
  | { readonly kind: 'diverging'; readonly epoch: number; readonly endOffset: number }
  | { readonly kind: 'error'; readonly error: ErrorName };

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
  /**
   * Takes note of a follower's fetch and says how to answer it. Undefined on a standalone broker, where whoever says to be a
   * follower reads as a consumer.
   */
  readonly followed?: (fetch: FollowerFetch) => FollowerAnswer;
  /** A follower that has all there is has come again and again until then (monotonic, milliseconds), which was not said each time. */
  readonly stillFollowed?: (follower: number, brokerEpoch: number, untilMs: number) => void;
}
