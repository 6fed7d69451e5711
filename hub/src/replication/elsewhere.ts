import { NO_LEADER, type PartitionRecord } from '@edgelog/cluster';
import type { ErrorName } from '@edgelog/wire';
import type { Leadership, Replication } from '../partition/replication.ts';

/** The fields of a partition's record that clients are told. */
export function leadershipOf(record: PartitionRecord | undefined): Leadership {
  if (record === undefined)
    return { leaderId: NO_LEADER, leaderEpoch: 0, replicas: [], isr: [], elr: [], adding: [], removing: [] };
  const { leader: leaderId, leaderEpoch, replicas, isr, elr, adding, removing } = record;
  return { leaderId, leaderEpoch, replicas, isr, elr, adding, removing };
}

/** A partition of which this broker has no replica: it knows who has. */
export class Elsewhere implements Replication {
  readonly leadership: Leadership;
  readonly leaderRefusal = 'NOT_LEADER_OR_FOLLOWER';
  readonly readRefusal = 'NOT_LEADER_OR_FOLLOWER';
  readonly commitRefusal = 'NOT_LEADER_OR_FOLLOWER';
  readonly highWatermark = 0;
  readonly isHighWatermarkKnown = false;

  constructor(record: PartitionRecord | undefined) {
    this.leadership = leadershipOf(record);
  }

  committed(): Promise<ErrorName> {
    return Promise.resolve(this.leaderRefusal);
  }

  onFlushed(): void {}
}
