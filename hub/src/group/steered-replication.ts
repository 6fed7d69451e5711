import type { PartitionLog } from '@edgelog/log';
import type { ErrorName } from '@edgelog/wire';
import type { Leadership, Replication } from '../partition/replication.ts';

/** A broker's place in a cluster, as a test wants it: who leads, and what is committed. Imported by tests only. */
export class SteeredReplication implements Replication {
  readonly leadership: Leadership;
  commitRefusal: ErrorName = 'NONE';
  leaderRefusal: ErrorName;
  readonly #log: PartitionLog | undefined;
  readonly #epochStart: number;
  #highWatermark: number;
  #waiting: { endOffset: number; resolve: (outcome: ErrorName) => void }[] = [];

  /** `highWatermark`: by default all of the log is committed. */
  constructor(
    log: PartitionLog | undefined,
    { epoch, leads, highWatermark }: { epoch: number; leads: boolean; highWatermark?: number },
  ) {
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
    this.#epochStart = log?.logEndOffset ?? 0;
    this.#highWatermark = highWatermark ?? this.#epochStart;
  }

  get readRefusal(): ErrorName {
    return this.leaderRefusal;
  }

  get highWatermark(): number {
    return this.#highWatermark;
  }

  get isHighWatermarkKnown(): boolean {
    return this.#highWatermark >= this.#epochStart;
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
  replicate(upTo = this.#log?.flushedEndOffset ?? 0): void {
    this.#highWatermark = Math.max(this.#highWatermark, upTo);
    this.#settle();
  }

  /** Who waits is told this; NOT_LEADER_OR_FOLLOWER: and somebody else leads. */
  fail(outcome: ErrorName): void {
    if (outcome === 'NOT_LEADER_OR_FOLLOWER') this.leaderRefusal = outcome;
    for (const { resolve } of this.#waiting.splice(0)) resolve(outcome);
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
