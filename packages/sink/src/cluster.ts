import type { BatchHeader } from '@edgelog/wire';

export interface SinkPartition {
  readonly index: number;
  /** -1: none. */
  readonly leaderId: number;
  readonly leaderEpoch: number;
}

export interface SinkTopic {
  readonly name: string;
  /** Another one after the topic was deleted and created again. */
  readonly id: string;
  /** By index. */
  readonly partitions: readonly SinkPartition[];
}

/** Where a partition stands for those who read what is committed. */
export interface PartitionEnds {
  /** Under which the leader answered; of another epoch nothing may be compared. */
  readonly leaderEpoch: number;
  readonly logStartOffset: number;
  readonly highWatermark: number;
  /** One past the last record at the leader, committed or not. */
  readonly logEndOffset: number;
}

/** The last sequence number of each producer id that the partition's leader still knows; committed or not. */
export type KnownProducers = ReadonlyMap<number, { readonly lastSequence: number; readonly epoch: number }>;

/** What becomes of a batch. */
export type Produced =
  /** Committed (acks=all); also the answer to a repeat of one of the producer's last five. */
  | { readonly outcome: 'committed'; readonly baseOffset: number }
  /** The cluster took nothing of it, and never will as it is: too large, corrupt, time stamp out of bounds. */
  | { readonly outcome: 'refused'; readonly error: string; readonly message: string }
  /** Not known, or not now: no leader, no answer in time, connection lost, too few replicas, sequence not the next. */
  | { readonly outcome: 'unknown'; readonly error: string; readonly message: string };

/** Header and place of a committed batch. */
export interface FoundBatch {
  readonly baseOffset: number;
  readonly header: BatchHeader;
  /** The whole batch; a view that lasts until the visitor returns. */
  readonly bytes: Buffer;
}

/**
 * What the sink needs of a Kafka cluster. Implemented over `@edgelog/client`, and by the simulator's model. Everything rejects with
 * EdgelogError where the cluster cannot be asked now.
 */
export interface SinkCluster {
  /** Kafka's name of it; `HubPort.hubId` is made of it. */
  readonly clusterId: string;
  /** Undefined: there is no such topic. `isFresh`: what is remembered is not good enough. */
  topic(name: string, isFresh?: boolean): Promise<SinkTopic | undefined>;
  /** Creates it; resolves also when somebody else did. Rejects with REFUSED and the cluster's reason. */
  createTopic(name: string, settings: TopicSettings): Promise<void>;
  knownProducers(topic: string, partition: number): Promise<KnownProducers>;
  ends(topic: string, partition: number): Promise<PartitionEnds>;
  /**
   * Visits committed batches in order, from the one that contains `offset` up to the high watermark of this moment. Answers one past the
   * last record visited; `visit` returns false to end it there. From before the log's start it begins at the start.
   */
  scan(
    topic: string,
    partition: number,
    offset: number,
    visit: (batch: FoundBatch) => boolean,
  ): Promise<number>;
  /**
   * Sends one sealed batch to the partition's leader with acks=all. Calls for one partition arrive there in the order of the calls, over
   * one connection; never tried again by itself.
   */
  produce(topic: string, partition: number, batch: Buffer): Promise<Produced>;
  close(): Promise<void>;
}

/** Undefined: as the cluster decides. */
export interface TopicSettings {
  readonly partitions?: number;
  readonly replication?: number;
  readonly configs?: Readonly<Record<string, string>>;
}
