import type { PartitionLog } from '@edgelog/log';
import type { ErrorName } from '@edgelog/wire';
import type { Leadership, Replication } from './replication.ts';

/** A standalone broker leads every partition, always in this epoch. */
export const STANDALONE_EPOCH = 0;

/** The only broker: it leads, and what is on its disk is committed. */
export class StandaloneReplication implements Replication {
  readonly leadership: Leadership;
  readonly leaderRefusal = 'NONE';
  readonly readRefusal = 'NONE';
  readonly commitRefusal = 'NONE';
  readonly isHighWatermarkKnown = true;
  readonly #log: PartitionLog;

  constructor(log: PartitionLog, leadership: Leadership) {
    this.#log = log;
    this.leadership = leadership;
  }

  get highWatermark(): number {
    return this.#log.flushedEndOffset;
  }

  committed(_endOffset: number, flushed: Promise<void>): Promise<ErrorName> {
    return flushed.then(none);
  }

  onFlushed(): void {}
}

/** Shared by all partitions of the broker. */
export function standaloneLeadership(nodeId: number): Leadership {
  return {
    leaderId: nodeId,
    leaderEpoch: STANDALONE_EPOCH,
    replicas: [nodeId],
    isr: [nodeId],
    elr: [],
    adding: [],
    removing: [],
  };
}

const none = (): ErrorName => 'NONE';
