import { assert } from '@edgelog/base';
import {
  answerFetch,
  type BrokerStates,
  NO_LEADER,
  PartitionLeader,
  type PartitionRecord,
  resign,
} from '@edgelog/cluster';
import { type LogStore, type PartitionLog, StoredDamageError } from '@edgelog/log';
import type { Logger } from '@edgelog/runtime';
import type { ErrorName } from '@edgelog/wire';
import type { PartitionEntry } from '../cluster/index.ts';
import type { Partition } from '../partition/partition.ts';
import type { FollowerAnswer, FollowerFetch, Leadership, Replication } from '../partition/replication.ts';
import { CommitQueue } from './commit-queue.ts';
import { leadershipOf } from './elsewhere.ts';
import type { HighWatermarks } from './high-watermarks.ts';
import type { IsrSwaps } from './isr-swaps.ts';

/** How often a replica with damage looks whether it may drop it. */
const HEAL_MS = 500;
/** A proposal for the ISR whose fate is unknown is asked for again, one that was refused may be made again, after so long. */
const PROPOSE_AGAIN_MS = 200;

/** What the replicas of a broker share. */
export interface ReplicaHost {
  readonly nodeId: number;
  readonly lagMsMax: number;
  readonly store: Pick<LogStore, 'flushed'>;
  readonly highWatermarks: HighWatermarks;
  readonly swaps: IsrSwaps;
  readonly log: Logger;
  /** This broker's registration, as long as it surely stands. */
  readonly epoch: number | undefined;
  readonly states: BrokerStates;
  /** A broker's registration, as far as this one knows. */
  readonly registration: (brokerId: number) => number | undefined;
  /** The registration of a broker that may join an ISR. */
  readonly joinable: (brokerId: number) => number | undefined;
  /** From now on `replica` fetches from that broker, or from none. */
  follow(replica: Replica, leaderId: number | undefined): void;
  /** A damaged replica is about to be whole again. */
  healed(): void;
  /** Monotonic, milliseconds. */
  now(): number;
}

/** What this broker is to the partition. Each is another object: what was begun under an earlier one is left alone. */
type Role =
  | { readonly kind: 'none' }
  | { readonly kind: 'follows'; readonly leaderId: number; readonly leaderEpoch: number }
  | {
      readonly kind: 'leads';
      readonly leaderEpoch: number;
      /** Undefined until all that was here before is on disk. */
      leader: PartitionLeader | undefined;
      /** Where the epoch began. */
      startOffset: number;
    };

/** This broker's replica of one partition: leader, follower or neither, as the cluster's metadata says. */
export class Replica implements Replication {
  readonly partition: Partition;
  readonly topicId: string;
  readonly log: PartitionLog;
  readonly #host: ReplicaHost;
  readonly #queue = new CommitQueue();
  #record: PartitionRecord;
  #revision: number;
  #leadership: Leadership;
  #role: Role = { kind: 'none' };
  #highWatermark: number;
  #proposeNotBefore = Number.NEGATIVE_INFINITY;
  /** From where on the log is to be dropped and fetched again, and the epoch in which it was last fetched. */
  #damage: { from: number; readonly leaderEpoch: number } | undefined;
  #isOver = false;

  constructor(host: ReplicaHost, partition: Partition, log: PartitionLog, entry: PartitionEntry) {
    this.#host = host;
    this.partition = partition;
    this.topicId = entry.topicId;
    this.log = log;
    this.#record = entry.record;
    this.#revision = entry.revision;
    this.#leadership = leadershipOf(entry.record);
    this.#highWatermark = Math.min(host.highWatermarks.of(log.name), log.flushedEndOffset);
  }

  get name(): string {
    return this.log.name;
  }

  get record(): PartitionRecord {
    return this.#record;
  }

  /** Others may count on what is here: it is in sync, or may lead again when nobody is. */
  get counts(): boolean {
    const { isr, elr } = this.#record;
    return isr.includes(this.#host.nodeId) || elr.includes(this.#host.nodeId);
  }

  get leadership(): Leadership {
    return this.#leadership;
  }

  get leaderRefusal(): ErrorName {
    return this.#serving === undefined ? 'NOT_LEADER_OR_FOLLOWER' : 'NONE';
  }

  get readRefusal(): ErrorName {
    const { nodeId, epoch } = this.#host;
    const mayRead =
      this.#role.kind === 'follows'
        ? epoch !== undefined && this.#record.isr.includes(nodeId)
        : this.#serving !== undefined;
    return mayRead ? 'NONE' : 'NOT_LEADER_OR_FOLLOWER';
  }

  get highWatermark(): number {
    return this.#highWatermark;
  }

  get isHighWatermarkKnown(): boolean {
    return this.#role.kind === 'leads' && this.#highWatermark >= this.#role.startOffset;
  }

  get commitRefusal(): ErrorName {
    const leader = this.#serving;
    if (leader === undefined) return 'NOT_LEADER_OR_FOLLOWER';
    return leader.hasEnoughReplicas ? 'NONE' : 'NOT_ENOUGH_REPLICAS';
  }

  committed(endOffset: number, flushed: Promise<void>): Promise<ErrorName> {
    if (this.#serving === undefined) return Promise.resolve('NOT_LEADER_OR_FOLLOWER');
    return new Promise((resolve, reject) => {
      flushed.catch(reject);
      if (endOffset <= this.#highWatermark) resolve('NONE');
      else this.#queue.add(endOffset, resolve);
    });
  }

  onFlushed(): void {
    const leader = this.#leader;
    if (leader === undefined || this.log.flushedEndOffset === leader.endOffset) return;
    leader.flushed(this.log.flushedEndOffset, this.#host.now());
    this.#afterProgress(leader);
  }

  /** The metadata as this broker knows it now, or its own registration has changed. */
  onEntry({ record, revision }: Pick<PartitionEntry, 'record' | 'revision'>): void {
    if (this.#isOver || revision < this.#revision) return;
    this.#take(record, revision);
    this.reconsider();
  }

  /** Its own registration has come or gone. */
  reconsider(): void {
    if (this.#isOver) return;
    const { nodeId, epoch } = this.#host;
    const { leader, leaderEpoch, leaderBrokerEpoch } = this.#record;
    if (epoch === undefined || leader === NO_LEADER) this.#stepDown();
    else if (leader !== nodeId) this.#follow(leader, leaderEpoch);
    else if (leaderBrokerEpoch === epoch) this.#lead(leaderEpoch);
    else this.#stepDown();
    this.partition.changed();
  }

  /** This broker is no replica any more, or ends. */
  end(): void {
    this.#stepDown();
    this.#isOver = true;
  }

  readonly followed = (fetch: FollowerFetch): FollowerAnswer => {
    const leader = this.#serving;
    if (leader === undefined) return { kind: 'error', error: 'NOT_LEADER_OR_FOLLOWER' };
    const answer = answerFetch(this.log, leader.epoch, fetch);
    if (answer.kind !== 'read' || !fetch.isComplete) return answer;
    const { follower, brokerEpoch, offset } = fetch;
    // Anybody may say to be a replica; what a registration says that is not known here counts for nothing.
    const isKnown = this.#host.registration(follower) === brokerEpoch;
    if (!isKnown || !leader.fetched(follower, brokerEpoch, offset, this.#host.now()))
      return { kind: 'error', error: 'STALE_BROKER_EPOCH' };
    this.#afterProgress(leader);
    if (!leader.record.isr.includes(follower)) this.propose();
    return answer;
  };

  readonly stillFollowed = (follower: number, brokerEpoch: number, untilMs: number): void => {
    this.#serving?.waited(follower, brokerEpoch, untilMs);
  };

  /** Records that each follower has not got on disk; of one that has not fetched yet in this epoch, all. Nothing where this broker does not lead. */
  *followerLags(): Iterable<{ readonly brokerId: number; readonly lag: number }> {
    const leader = this.#serving;
    if (leader === undefined) return;
    for (const { brokerId, endOffset = this.log.logStartOffset } of leader.followers())
      yield { brokerId, lag: Math.max(0, leader.endOffset - endOffset) };
  }

  /** Asks for the change of the ISR that is due, if one is. */
  propose(): void {
    const leader = this.#serving;
    const now = this.#host.now();
    if (leader === undefined || now < this.#proposeNotBefore) return;
    if (leader.propose(now) !== undefined) void this.#submit(leader);
  }

  /**
   * A follower has `endOffset` on disk under this role; the leader's log begins at `logStartOffset` and is committed below
   * `highWatermark`.
   */
  adopt(leader: { highWatermark: number; logStartOffset: number }): void {
    const start = Math.min(leader.logStartOffset, this.log.flushedEndOffset);
    const isTrimmed = start > this.log.logStartOffset;
    if (isTrimmed) this.log.advanceLogStart(start);
    if (this.#raise(Math.min(leader.highWatermark, this.log.flushedEndOffset)) || isTrimmed)
      this.partition.changed();
  }

  /** A follower's log is cut, by less than to where it is committed unless an operator chose so. */
  truncate(endOffset: number): void {
    const before = this.log.logEndOffset;
    const end = this.log.truncate(endOffset);
    this.#host.log.info('log truncated', {
      partition: this.name,
      from: before,
      to: end,
      leader: this.leadership.leaderId,
    });
    this.#lower(end);
  }

  /** A follower's log begins anew where the leader's does. */
  startAnew(...[start]: Parameters<PartitionLog['startAnew']>): void {
    this.#host.log.info('log begun anew', {
      partition: this.name,
      at: start.startOffset,
      leader: this.leadership.leaderId,
    });
    this.log.startAnew(start);
    this.#lower(start.startOffset);
  }

  /**
   * What lies from there on cannot be read. As long as somebody else is in sync this replica is worth nothing: it withdraws, and once
   * nothing it ever said counts it drops what follows the damage, to have it from the leader again.
   */
  onDamage(from: number): void {
    if (this.#isOver || from >= this.log.logEndOffset) return;
    if (this.#damage !== undefined) {
      this.#damage.from = Math.min(this.#damage.from, from);
      return;
    }
    this.#damage = { from, leaderEpoch: this.#record.leaderEpoch };
    this.#host.follow(this, undefined);
    void this.#heal(this.#damage);
  }

  async #heal(damage: { from: number; readonly leaderEpoch: number }): Promise<void> {
    const { nodeId, log, states, swaps } = this.#host;
    let isTold = false;
    while (!this.#isOver && this.#damage === damage) {
      const isWithdrawn = !this.counts && this.#record.leaderEpoch > damage.leaderEpoch;
      if (isWithdrawn && this.#role.kind === 'follows') {
        this.#dropFrom(damage.from);
        return;
      }
      const record =
        isWithdrawn || this.#host.epoch === undefined ? this.#record : resign(this.#record, nodeId, states);
      if (record !== this.#record) {
        const { leader, leaderBrokerEpoch: brokerEpoch } = record;
        const expected = this.#revision;
        const brokerEpochs = leader === this.#record.leader ? [] : [{ brokerId: leader, brokerEpoch }];
        log.warn('withdraws a damaged replica', { partition: this.name, from: damage.from, leader });
        const outcome = await swaps.swap(this.topicId, this.partition.index, {
          record,
          expected,
          brokerEpochs,
        });
        if (outcome.kind === 'done') {
          this.onEntry(outcome);
          continue;
        }
      } else if (!isWithdrawn && !isTold) {
        isTold = true;
        log.error('damaged replica is the only one in sync', { partition: this.name, from: damage.from });
      }
      await new Promise((resolve) => setTimeout(resolve, HEAL_MS));
    }
  }

  /** Nothing that is here counts. */
  #dropFrom(offset: number): void {
    const { log } = this;
    try {
      if (log.producersThrough > 0) log.startAnew({ startOffset: 0, producers: [], producersThrough: 0 });
      else log.truncate(offset);
    } catch (error) {
      if (!(error instanceof StoredDamageError)) throw error;
      log.startAnew({ startOffset: 0, producers: [], producersThrough: 0 });
    }
    this.#lower(log.logEndOffset);
    this.#damage = undefined;
    this.#host.healed();
    this.#host.log.warn('damaged replica is fetched again', { partition: this.name, from: log.logEndOffset });
    if (this.#role.kind === 'follows') this.#host.follow(this, this.#role.leaderId);
  }

  get #leader(): PartitionLeader | undefined {
    return this.#role.kind === 'leads' ? this.#role.leader : undefined;
  }

  /** Leads, and surely so at this moment. */
  get #serving(): PartitionLeader | undefined {
    const leader = this.#leader;
    return leader !== undefined && this.#host.epoch === leader.record.leaderBrokerEpoch ? leader : undefined;
  }

  #take(record: PartitionRecord, revision: number): void {
    if (revision === this.#revision) return;
    this.#record = record;
    this.#revision = revision;
    this.#leadership = leadershipOf(record);
  }

  #stepDown(): void {
    if (this.#role.kind !== 'none') this.#become({ kind: 'none' });
  }

  #follow(leaderId: number, leaderEpoch: number): void {
    const role = this.#role;
    if (role.kind === 'follows' && role.leaderId === leaderId && role.leaderEpoch === leaderEpoch) return;
    this.#become({ kind: 'follows', leaderId, leaderEpoch });
  }

  #lead(leaderEpoch: number): void {
    const role = this.#role;
    if (role.kind !== 'leads' || role.leaderEpoch !== leaderEpoch) {
      const next: Role = {
        kind: 'leads',
        leaderEpoch,
        leader: undefined,
        startOffset: Number.POSITIVE_INFINITY,
      };
      this.#become(next);
      if (this.log.flushedEndOffset === this.log.logEndOffset) this.#beginToLead(next);
      else
        this.#host.store.flushed().then(
          () => {
            if (this.#role !== next) return;
            this.#beginToLead(next);
            this.partition.changed();
          },
          () => {}, // the store has failed, and says so
        );
    } else if (role.leader !== undefined) {
      role.leader.update(this.#record, this.#revision, this.#host.now());
      this.#afterProgress(role.leader);
    }
  }

  #beginToLead(role: Extract<Role, { kind: 'leads' }>): void {
    const { nodeId, lagMsMax, joinable, log } = this.#host;
    const { logEndOffset, leaderEpochs } = this.log;
    leaderEpochs.assign(role.leaderEpoch, logEndOffset);
    role.startOffset = logEndOffset;
    role.leader = new PartitionLeader(
      { me: nodeId, lagMsMax, joinable },
      {
        record: this.#record,
        revision: this.#revision,
        endOffset: logEndOffset,
        highWatermark: this.#highWatermark,
        now: this.#host.now(),
      },
    );
    log.debug('leads', { partition: this.name, leaderEpoch: role.leaderEpoch, logEndOffset });
    this.#afterProgress(role.leader);
  }

  #become(role: Role): void {
    this.#role = role;
    this.#queue.answerAll('NOT_LEADER_OR_FOLLOWER');
    const isFetching = role.kind === 'follows' && this.#damage === undefined;
    this.#host.follow(this, isFetching ? role.leaderId : undefined);
  }

  /** After anything that may have moved the high watermark. */
  #afterProgress(leader: PartitionLeader): void {
    if (this.#raise(leader.highWatermark)) this.partition.changed();
    if (this.#queue.size === 0 || this.#serving !== leader) return;
    const isStillEnough = leader.maximalIsr.length >= leader.record.minInsync;
    this.#queue.answerBelow(this.#highWatermark, isStillEnough ? 'NONE' : 'NOT_ENOUGH_REPLICAS_AFTER_APPEND');
  }

  #raise(highWatermark: number): boolean {
    if (highWatermark <= this.#highWatermark) return false;
    this.#highWatermark = highWatermark;
    this.#host.highWatermarks.changed(this);
    return true;
  }

  #lower(endOffset: number): void {
    if (endOffset < this.#highWatermark) {
      this.#highWatermark = endOffset;
      this.#host.highWatermarks.changed(this);
      this.#host.highWatermarks.save();
    }
    this.partition.changed();
  }

  /** Swaps the record for the proposed one; while the outcome is unknown, again and again. */
  async #submit(leader: PartitionLeader): Promise<void> {
    const { pending } = leader;
    assert(pending !== undefined, 'something is proposed');
    const { swaps, log, now } = this.#host;
    while (this.#leader === leader && leader.pending === pending) {
      const outcome = await swaps.swap(this.topicId, this.partition.index, pending);
      if (this.#leader !== leader || leader.pending !== pending) break;
      leader.settled(outcome, now());
      if (outcome.kind === 'done') {
        const { isr } = outcome.record;
        log.info('in-sync replicas changed', { partition: this.name, isr, of: outcome.record.replicas });
        this.#take(outcome.record, outcome.revision);
        this.partition.changed();
      } else this.#proposeNotBefore = now() + PROPOSE_AGAIN_MS;
      this.#afterProgress(leader);
      if (outcome.kind !== 'unknown') return;
      await new Promise((resolve) => setTimeout(resolve, PROPOSE_AGAIN_MS));
    }
  }
}
