import type { PartitionLog } from '@edgelog/log';
import type { ErrorName } from '@edgelog/wire';
import type { Leadership, Replication } from '../partition/replication.ts';

/** A broker's place in a cluster, as a test wants it: who leads, and what is committed. Imported by tests only. */
export class SteeredReplication implements Replication {
  readonly leadership: Leadership;
  commitRefusal: ErrorName = 'NONE';
  isHighWatermarkKnown = true;
  leaderRefusal: ErrorName;
  readonly #log: PartitionLog;
  #highWatermark: number;
  #waiting: { endOffset: number; resolve: (outcome: ErrorName) => void }[] = [];

  constructor(log: PartitionLog, options: { epoch: number; leads: boolean; highWatermark?: number }) {
    const { epoch, leads, highWatermark = log.flushedEndOffset } = options;
    const both = [1, 2];
    const moves = { adding: [], removing: [] };
    this.leadership = {
      leaderId: leads ? 1 : 2,
      leaderEpoch: epoch,
      replicas: both,
      isr: both,
      elr: [],
      ...moves,
    };
    this.leaderRefusal = leads ? 'NONE' : 'NOT_LEADER_OR_FOLLOWER';
    this.#log = log;
    this.#highWatermark = highWatermark;
  }

  get readRefusal(): ErrorName {
    return this.leaderRefusal;
  }

  get highWatermark(): number {
    return this.#highWatermark;
  }

  committed(endOffset: number, flushed: Promise<void>): Promise<ErrorName> {
    return flushed.then(
      () =>
        new Promise((resolve) => {
          this.#waiting.push({ endOffset, resolve });
          this.#settle();
        }),
    );
  }

  onFlushed(): void {}

  /** The other replica has all that is flushed here, or so much of it. The caller tells the partition. */
  replicate(upTo = this.#log.flushedEndOffset): void {
    this.#highWatermark = Math.max(this.#highWatermark, upTo);
    this.#settle();
  }

  /** Somebody else leads. */
  depose(): void {
    this.leaderRefusal = 'NOT_LEADER_OR_FOLLOWER';
    this.#settle();
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if (this.#highWatermark >= one.endOffset) one.resolve('NONE');
      else if (this.leaderRefusal !== 'NONE') one.resolve(this.leaderRefusal);
      else this.#waiting.push(one);
    }
  }
}
