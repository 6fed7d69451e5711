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

/** A partition of one life of a topic: of a topic that was created again under the same name nothing is taken or told for it. */
export interface Place {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
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

/** What becomes of a batch. `error` is Kafka's name of it, or the code of the EdgelogError that came instead of an answer. */
export type Produced =
  /** Committed (acks=all); also the answer to a repeat of one of the producer's last five. */
  | { readonly outcome: 'committed'; readonly baseOffset: number }
  /** The cluster took nothing of it and says why; the same bytes are not going to do better. */
  | { readonly outcome: 'refused'; readonly error: string; readonly message: string }
  /** Not known, or not now: no leader, no answer in time, connection lost, too few replicas, sequence not the next. */
  | { readonly outcome: 'unknown'; readonly error: string; readonly message: string };

/** Header and place of a committed batch. */
export interface FoundBatch {
  /** As the cluster has it: base offset is Kafka's. */
  readonly header: BatchHeader;
  /** The whole batch; a view that lasts until the visitor returns. */
  readonly bytes: Buffer;
}

/** What is set in the cluster; undefined where it would not say. */
export interface ClusterConfigs {
  readonly brokerCount: number;
  readonly replication: number;
  readonly topic: ReadonlyMap<string, string> | undefined;
  readonly broker: ReadonlyMap<string, string> | undefined;
}

/**
 * What the sink needs of a Kafka cluster. Implemented over `@edgelog/client` (`kafka-cluster.ts`), and by models in tests and the
 * simulator. Everything but `produce` rejects with EdgelogError where the cluster cannot be asked now, or not about this place.
 */
export interface SinkCluster {
  /** Kafka's name of it; `HubPort.hubId` is made of it. */
  readonly clusterId: string;
  /** As far as they are known now. */
  readonly brokerCount: number;
  /** Undefined: there is no such topic. `isFresh`: what is remembered is not good enough. */
  topic(name: string, isFresh?: boolean): Promise<SinkTopic | undefined>;
  /** Creates it; resolves also when somebody else did. Rejects with REFUSED and the cluster's reason. */
  createTopic(name: string, settings: TopicSettings): Promise<void>;
  configs(topic: SinkTopic): Promise<ClusterConfigs>;
  knownProducers(place: Place): Promise<KnownProducers>;
  ends(place: Place): Promise<PartitionEnds>;
  /** First offset whose record time is `timestampMs` or later; undefined: none is. */
  offsetAt(place: Place, timestampMs: number): Promise<number | undefined>;
  /**
   * Visits committed batches in order, from the one that contains `offset` up to the high watermark as it was at the first answer, which came
   * after this call, or later. Resolves with the end of the last batch visited (`offset` where there was none); `visit` returns false to end it there. From before the log's start it begins
   * at the start.
   */
  scan(place: Place, offset: number, visit: (batch: FoundBatch) => boolean): Promise<number>;
  /**
   * Sends one sealed batch to the partition's leader with acks=all. Calls for one partition arrive there in the order of the calls, over
   * one connection, and none after one that was lost on its way, until all of them are settled; never tried again by itself. Where a leader
   * epoch is given and another one is known, the outcome is `unknown` and nothing is sent. The batch is not copied, nor changed; it may be
   * used again once settled. Never rejects.
   */
  produce(place: Place, leaderEpoch: number | undefined, batch: Buffer): Promise<Produced>;
  close(): Promise<void>;
}

/** Undefined: as the cluster decides. */
export interface TopicSettings {
  readonly partitions?: number | undefined;
  readonly replication?: number | undefined;
  readonly configs?: Readonly<Record<string, string>> | undefined;
}
