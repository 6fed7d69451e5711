import { assert } from '@edgelog/base';
import { withIsr } from './election.ts';
import type { PartitionRecord } from './records.ts';

/** What a leader knows of one follower. */
interface Progress {
  /** Everything below is on the follower's disk; undefined until it has fetched in this epoch. */
  endOffset: number | undefined;
  brokerEpoch: number;
  /** When it last had all that the leader had; −∞ for one that never did. */
  caughtUpAt: number;
  fetchedAt: number;
  /** The leader's end when it last fetched. */
  leaderEndThen: number;
}

export interface LeaderOptions {
  readonly me: number;
  /** How long a follower may lack something before it leaves the ISR, milliseconds [replica.lag.time.max.ms]. */
  readonly lagMsMax: number;
  /** The registration of a broker that may join an ISR, undefined for one that is gone, drains or has lost its data. */
  readonly joinable: (brokerId: number) => number | undefined;
}

/** A change of the ISR that is asked for: `record` in place of what has revision `expected`, if those brokers are still registered so. */
export interface IsrProposal {
  readonly record: PartitionRecord;
  readonly expected: number;
  readonly brokerEpochs: readonly { brokerId: number; brokerEpoch: number }[];
}

export type IsrOutcome =
  | { kind: 'done'; record: PartitionRecord; revision: number }
  /** It did not happen and must not be asked again as it was. */
  | { kind: 'refused' }
  /** The record has another revision by now, or nobody knows: what is read next tells. */
  | { kind: 'unknown' };

/** One partition as the leader of one epoch keeps it: who follows how far, the high watermark, the ISR. */
export class PartitionLeader {
  readonly #options: LeaderOptions;
  readonly #epoch: number;
  /** Where this epoch began: who has not come that far may still hold what the leader does not. */
  readonly #epochStart: number;
  readonly #followers = new Map<number, Progress>();
  #record: PartitionRecord;
  #revision: number;
  #pending: IsrProposal | undefined;
  #endOffset: number;
  #highWatermark: number;

  /** `endOffset`: the log's end on disk; `highWatermark`: the last one known here. Both may only grow from now on. */
  constructor(
    options: LeaderOptions,
    at: { record: PartitionRecord; revision: number; endOffset: number; highWatermark: number; now: number },
  ) {
    assert(at.record.leader === options.me, 'a leader leads');
    assert(at.highWatermark <= at.endOffset, `high watermark ${at.highWatermark} within ${at.endOffset}`);
    this.#options = options;
    this.#epoch = at.record.leaderEpoch;
    this.#epochStart = at.endOffset;
    this.#record = at.record;
    this.#revision = at.revision;
    this.#endOffset = at.endOffset;
    this.#highWatermark = at.highWatermark;
    this.#syncFollowers(at.now);
    this.#advance(at.now);
  }

  get epoch(): number {
    return this.#epoch;
  }

  get revision(): number {
    return this.#revision;
  }

  get record(): PartitionRecord {
    return this.#record;
  }

  /** The end of the leader's own log on disk: what followers may have. */
  get endOffset(): number {
    return this.#endOffset;
  }

  /** Nothing at or above it is served to a consumer or acknowledged with acks=all. */
  get highWatermark(): number {
    return this.#highWatermark;
  }

  /** Whether acks=all may be accepted now; else NOT_ENOUGH_REPLICAS. */
  get hasEnoughReplicas(): boolean {
    return this.#record.isr.length >= this.#record.minInsync;
  }

  /** Newer metadata in which this broker still leads, under the same epoch. Older metadata is ignored. */
  update(record: PartitionRecord, revision: number, now: number): void {
    if (revision <= this.#revision) return;
    assert(record.leader === this.#options.me && record.leaderEpoch === this.#epoch, 'the same leadership');
    this.#record = record;
    this.#revision = revision;
    this.#pending = undefined;
    this.#syncFollowers(now);
    this.#advance(now);
  }

  /** The leader's own log is on disk up to here. */
  flushed(endOffset: number, now: number): void {
    assert(endOffset >= this.#endOffset, `the log's end goes from ${this.#endOffset} to ${endOffset}`);
    this.#endOffset = endOffset;
    this.#advance(now);
  }

  /**
   * A follower asks for what comes at `offset`: so all below is on its disk, and agrees with this log (whoever calls has
   * compared the epochs before). False when the follower's registration is an old one: its request is to be refused.
   */
  fetched(follower: number, brokerEpoch: number, offset: number, now: number): boolean {
    const progress = this.#followers.get(follower);
    if (progress === undefined || brokerEpoch < progress.brokerEpoch) return false;
    const isIdle = progress.leaderEndThen === this.#endOffset && offset === this.#endOffset;
    if (isIdle && progress.endOffset === offset && progress.brokerEpoch === brokerEpoch) {
      progress.caughtUpAt = now;
      progress.fetchedAt = now;
      return true;
    }
    if (offset >= this.#endOffset) progress.caughtUpAt = now;
    else if (offset >= progress.leaderEndThen)
      progress.caughtUpAt = Math.max(progress.caughtUpAt, progress.fetchedAt);
    progress.brokerEpoch = brokerEpoch;
    progress.endOffset = offset;
    progress.fetchedAt = now;
    progress.leaderEndThen = this.#endOffset;
    this.#advance(now);
    return true;
  }

  /** A follower that has all there is here has come for more until then: `fetched` need not be told each time. */
  waited(follower: number, brokerEpoch: number, until: number): void {
    const progress = this.#followers.get(follower);
    if (progress?.endOffset === undefined || progress.brokerEpoch !== brokerEpoch) return;
    if (progress.endOffset < this.#endOffset) return;
    progress.caughtUpAt = Math.max(progress.caughtUpAt, until);
    progress.fetchedAt = Math.max(progress.fetchedAt, until);
  }

  /** The change of the ISR that is due, if none is on its way. The caller answers it with `settled`. */
  propose(now: number): IsrProposal | undefined {
    if (this.#pending !== undefined) return undefined;
    const { isr, replicas } = this.#record;
    const kept = isr.filter((id) => id === this.#options.me || !this.#lags(id, now));
    const joined = replicas.filter((id) => !isr.includes(id) && this.#mayJoin(id));
    // One thing at a time: who joins counts at once, who leaves only when it is done.
    const wanted = joined.length > 0 ? [...isr, ...joined] : kept;
    if (wanted.length === isr.length) return undefined;
    this.#pending = {
      record: withIsr(this.#record, wanted),
      expected: this.#revision,
      brokerEpochs: joined.map((brokerId) => ({
        brokerId,
        brokerEpoch: this.#followers.get(brokerId)!.brokerEpoch,
      })),
    };
    return this.#pending;
  }

  /** A proposal on its way, or one whose fate is unknown: asked for again as it is while the record has its `expected` revision. */
  get pending(): IsrProposal | undefined {
    return this.#pending;
  }

  /** How the proposal went. `unknown` keeps it: what it may have done is allowed for until newer metadata comes. */
  settled(outcome: IsrOutcome, now: number): void {
    if (outcome.kind === 'done') this.update(outcome.record, outcome.revision, now);
    else if (outcome.kind === 'refused') {
      this.#pending = undefined;
      this.#advance(now);
    }
  }

  /** Where each follower is known to be: all below is on its disk; undefined until it has fetched in this epoch. */
  *followers(): Iterable<{ readonly brokerId: number; readonly endOffset: number | undefined }> {
    for (const [brokerId, { endOffset }] of this.#followers) yield { brokerId, endOffset };
  }

  /** All that may be in the ISR: those of the record, and those of a proposal whose fate is not known. */
  get maximalIsr(): readonly number[] {
    return [...new Set([...this.#record.isr, ...(this.#pending?.record.isr ?? [])])];
  }

  #lags(follower: number, now: number): boolean {
    const { endOffset, caughtUpAt } = this.#followers.get(follower)!;
    return endOffset !== this.#endOffset && now - caughtUpAt > this.#options.lagMsMax;
  }

  #mayJoin(follower: number): boolean {
    const progress = this.#followers.get(follower);
    if (progress?.endOffset === undefined) return false;
    const { endOffset, brokerEpoch } = progress;
    return (
      endOffset >= this.#highWatermark &&
      endOffset >= this.#epochStart &&
      this.#options.joinable(follower) === brokerEpoch
    );
  }

  #syncFollowers(now: number): void {
    const { replicas, isr } = this.#record;
    for (const id of this.#followers.keys()) if (!replicas.includes(id)) this.#followers.delete(id);
    for (const id of replicas) {
      if (id === this.#options.me || this.#followers.has(id)) continue;
      this.#followers.set(id, {
        endOffset: undefined,
        brokerEpoch: -1,
        caughtUpAt: isr.includes(id) ? now : Number.NEGATIVE_INFINITY,
        fetchedAt: now,
        leaderEndThen: Number.POSITIVE_INFINITY,
      });
    }
  }

  /**
   * The least end of all in the maximal ISR, and of those about to join it: a follower that is caught up is waited for, or
   * the high watermark would run from under it for ever.
   */
  #advance(now: number): void {
    if (!this.hasEnoughReplicas) return;
    const members = new Set(this.maximalIsr);
    let least = this.#endOffset;
    for (const [id, { endOffset, caughtUpAt, brokerEpoch }] of this.#followers) {
      const isAboutToJoin =
        now - caughtUpAt <= this.#options.lagMsMax && this.#options.joinable(id) === brokerEpoch;
      if (members.has(id) || isAboutToJoin) least = Math.min(least, endOffset ?? 0);
    }
    this.#highWatermark = Math.max(this.#highWatermark, least);
  }
}
