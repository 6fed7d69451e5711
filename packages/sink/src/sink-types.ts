import type { Timers } from '@edgelog/base';
import type { HubPort, SyncLog } from '@edgelog/sync';
import type { SinkCluster } from './cluster.ts';
import type { TopicFinding } from './findings.ts';
import type { SinkSettings } from './settings.ts';

export type SinkTimers = Pick<Timers, 'after'>;

export interface KafkaSinkOptions {
  readonly cluster: SinkCluster;
  readonly log: SyncLog;
  readonly settings: SinkSettings;
  readonly timers: SinkTimers;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
  /** Drawn for each sink: tells its records in the positions topic from another's. */
  readonly instance: string;
  /** Records of runs that are not open here that are kept in memory; default 10,000 of openings and as many of positions. */
  readonly recordsKept?: number | undefined;
}

export interface KafkaSinkStatus {
  readonly clusterId: string;
  /** Records of the positions topic in memory. */
  readonly recordsKept: number;
  /** Runs opened here, and batches and bytes of theirs that the cluster has yet to answer for. */
  readonly runs: number;
  readonly inFlightBatches: number;
  readonly inFlightBytes: number;
  /** Since the start. */
  readonly committedBatches: number;
  readonly committedRecords: number;
  readonly committedBytes: number;
  readonly unknownOutcomes: number;
  readonly refusedBatches: number;
  readonly openings: number;
  readonly scannedBytes: number;
  /** Runs whose committed position is yet to be written to the positions topic, and for how long the oldest has been. */
  readonly positionsBehind: number;
  readonly positionsBehindMs: number;
  readonly scans: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly end: number;
  }[];
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: number;
    readonly findings: readonly TopicFinding[];
  }[];
  readonly eventsWaiting: number;
  /** The newest last. */
  readonly lastErrors: readonly { readonly at: number; readonly what: string; readonly message: string }[];
}

export interface KafkaSink extends HubPort {
  /** Asks the cluster something; rejects as it does where it cannot be reached (CONNECTION_LOST, TIMEOUT, AUTHENTICATION_FAILED). */
  check(): Promise<void>;
  status(): KafkaSinkStatus;
  /** Resolves when all that is committed is in the positions topic, and all events are written. */
  flush(): Promise<void>;
  /** Takes nothing more, waits for what is in flight, writes positions. The cluster's connections end with it. */
  close(): Promise<void>;
}
