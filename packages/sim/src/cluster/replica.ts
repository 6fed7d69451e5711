import { assert } from '@edgelog/base';
import {
  answerFetch,
  type FetchAnswer,
  type FollowerPosition,
  outOfRange,
  truncationFor,
} from '@edgelog/cluster/fetch-position.ts';
import { type IsrOutcome, PartitionLeader } from '@edgelog/cluster/leader.ts';
import { NO_LEADER, type PartitionRecord } from '@edgelog/cluster/records.ts';
import type { Position, RunInfo } from '@edgelog/sync';
import { type SimBatch, type SimLog, sequenceAfter } from './disk.ts';
import type { BrokerProcess } from './process.ts';
import { brokerKey, partitionKey } from './view.ts';

const FETCH_TIMEOUT_MS = 1_000;
const IDLE_MS = 20;
const RETRY_MS = 100;
const TICK_MS = 100;

export type ProduceAnswer =
  | { kind: 'done'; batch: SimBatch }
  | { kind: 'retry'; leader: number }
  /** The batch's sequence leaves a gap. */
  | { kind: 'out-of-order' };

export type ConsumeAnswer =
  | { kind: 'records'; batches: SimBatch[]; highWatermark: number }
  | { kind: 'retry'; leader: number };

type ReplicaAnswer =
  | Exclude<FetchAnswer, { kind: 'read' }>
  | { kind: 'out-of-range'; logStartOffset: number; logEndOffset: number }
  | { kind: 'records'; batches: SimBatch[]; highWatermark: number };

/** A gateway's sealed batch; offsets are its own. */
export interface RunBatch {
  readonly run: RunInfo;
  /** As `openRun` gave it. */
  readonly opening: number;
  readonly baseOffset: number;
  readonly crc: number;
  readonly records: readonly number[];
}

export type RunAnswer =
  /** The run's position; undefined when nothing of it is here. */
  | { kind: 'done'; position: Position | undefined; opening: number }
  | { kind: 'retry' }
  | { kind: 'out-of-order' };

/** Somebody who waits until all below `endOffset` is committed. */
interface Waiting {
  endOffset: number;
  committed: () => void;
  refused: () => void;
}

/** One partition on one broker's process: leader, follower, or neither. */
export class Replica {
  readonly #process: BrokerProcess;
  readonly #name: string;
  readonly #log: SimLog;
  #record: PartitionRecord | undefined;
  #revision = 0;
  #leader: PartitionLeader | undefined;
  #waiting: Waiting[] = [];
  /** By run: how often it was opened under this leadership. */
  readonly #openings = new Map<number, number>();
  /** Another object for each role: what was begun under an earlier one is left alone. */
  #role: object = {};
  /** `leader`, or whom it follows and in which epoch. */
  #roleName = '';

  constructor(process: BrokerProcess, name: string) {
    this.#process = process;
    this.#name = name;
    this.#log = process.broker.log(name);
    process.every(TICK_MS, () => this.#tick());
  }

  onRecord(record: PartitionRecord, revision: number): void {
    if (revision < this.#revision) return;
    this.#record = record;
    this.#revision = revision;
    const { broker, epoch } = this.#process;
    if (epoch === undefined) {
      this.stepDown();
      return;
    }
    const mayLead =
      record.leaderBrokerEpoch === epoch || this.#process.around.bugs.has('leadUnderOldRegistration');
    if (record.leader === broker.id) {
      if (mayLead) this.#lead(record, revision);
      else this.stepDown();
    } else if (record.leader !== NO_LEADER) this.#follow(record.leader, record.leaderEpoch);
    else this.stepDown();
  }

  end(): void {
    this.#take('');
    this.#waiting = [];
  }

  /** The partition is on this broker no more: what a reassignment has taken away goes. */
  leave(): void {
    this.stepDown();
    this.#record = undefined;
    this.#log.wipe();
  }

  stepDown(): void {
    this.#take('');
    this.#refuseWaiting();
  }

  produce(
    producer: number,
    sequence: number,
    records: readonly number[],
    answer: (answer: ProduceAnswer) => void,
  ): void {
    const leader = this.#serving();
    const bugs = this.#process.around.bugs;
    if (leader === undefined || !leader.hasEnoughReplicas) {
      answer({ kind: 'retry', leader: this.#record?.leader ?? NO_LEADER });
      return;
    }
    const last = bugs.has('forgetSequences') ? undefined : this.#log.lastOf(producer);
    if (last !== undefined && sequence <= last.sequence) {
      const batch = this.#log.batches.find((one) => one.producer === producer && one.sequence === sequence);
      this.#acknowledge(batch!, answer);
      this.#afterProgress();
      return;
    }
    if (sequence !== (last?.sequence ?? -1) + 1 && !bugs.has('forgetSequences')) {
      answer({ kind: 'out-of-order' });
      return;
    }
    const batch = { baseOffset: this.#log.logEndOffset, epoch: leader.epoch, producer, sequence, records };
    this.#append(leader, batch);
    this.#acknowledge(batch, answer);
  }

  /**
   * Where a run stands, once all of it that is here is committed. From now on only what is sent under this opening is taken: what an
   * earlier one left on its way, through another broker, would run into what the gateway sends again.
   */
  openRun(producer: number, answer: (answer: RunAnswer) => void): void {
    const leader = this.#serving();
    if (leader === undefined) {
      answer({ kind: 'retry' });
      return;
    }
    const position = this.#positionOf(producer);
    const opening = (this.#openings.get(producer) ?? 0) + 1;
    this.#openings.set(producer, opening);
    const isEarly = this.#process.around.bugs.has('openRunUncommitted');
    this.#waiting.push({
      endOffset: isEarly ? 0 : this.#log.logEndOffset,
      committed: () => answer({ kind: 'done', position, opening }),
      refused: () => answer({ kind: 'retry' }),
    });
    this.#afterProgress();
  }

  appendRun({ run, opening, baseOffset, crc, records }: RunBatch, answer: (answer: RunAnswer) => void): void {
    const leader = this.#serving();
    const isOpen = this.#openings.get(run.producerId) === opening;
    if (leader === undefined || !leader.hasEnoughReplicas || !isOpen) {
      answer({ kind: 'retry' });
      return;
    }
    const producer = run.producerId;
    const next = this.#positionOf(producer)?.next ?? run.firstOffset;
    if (baseOffset !== next) {
      answer({ kind: 'out-of-order' });
      return;
    }
    const at = { baseOffset: this.#log.logEndOffset, epoch: leader.epoch, producer, sequence: baseOffset };
    const batch = { ...at, records, crc };
    this.#append(leader, batch);
    this.#acknowledge(batch, ({ kind }) => {
      if (kind !== 'done') answer({ kind: 'retry' });
      else answer({ kind: 'done', position: { next: baseOffset + records.length, crc }, opening });
    });
  }

  #positionOf(producer: number): Position | undefined {
    const last = this.#log.lastOf(producer);
    return last && { next: sequenceAfter(last), crc: last.crc! };
  }

  #append(leader: PartitionLeader, batch: SimBatch): void {
    this.#log.append(batch);
    this.#process.around.trace(this.#process.broker.name, 'appends', { name: this.#name, ...batch });
    const end = this.#log.logEndOffset;
    this.#log.flush(() =>
      this.#process.soon(() => {
        if (this.#leader !== leader) return;
        leader.flushed(end, this.#now());
        this.#afterProgress();
      }),
    );
  }

  #acknowledge(batch: SimBatch, answer: (answer: ProduceAnswer) => void): void {
    const { around, broker } = this.#process;
    const epoch = this.#leader!.epoch;
    const waiting = {
      endOffset: endOf(batch),
      committed: () => {
        around.history.acknowledged({ partition: this.#name, epoch, broker: broker.name }, batch);
        answer({ kind: 'done', batch });
      },
      refused: () => answer({ kind: 'retry', leader: this.#record?.leader ?? NO_LEADER }),
    };
    if (around.bugs.has('ackBeforeReplication')) waiting.committed();
    else this.#waiting.push(waiting);
  }

  consume(offset: number, answer: (answer: ConsumeAnswer) => void): void {
    const leader = this.#serving();
    if (leader === undefined) {
      answer({ kind: 'retry', leader: this.#record?.leader ?? NO_LEADER });
      return;
    }
    const isUnbounded = this.#process.around.bugs.has('serveBeyondHighWatermark');
    const end = isUnbounded ? this.#log.logEndOffset : leader.highWatermark;
    answer({ kind: 'records', batches: this.#log.read(offset, end), highWatermark: end });
  }

  /** A follower's fetch. */
  fetch(
    follower: number,
    brokerEpoch: number,
    position: FollowerPosition,
    answer: (answer: ReplicaAnswer) => void,
  ): void {
    const leader = this.#serving();
    if (leader === undefined) {
      answer({ kind: 'error', error: 'UNKNOWN_LEADER_EPOCH' });
      return;
    }
    const found = this.#process.around.bugs.has('ignoreEpochs')
      ? ({ kind: 'read' } as const)
      : answerFetch(this.#log, leader.epoch, position);
    const { logStartOffset, logEndOffset } = this.#log;
    if (found.kind === 'error' && found.error === 'OFFSET_OUT_OF_RANGE') {
      answer({ kind: 'out-of-range', logStartOffset, logEndOffset });
      return;
    }
    if (found.kind !== 'read') {
      answer(found);
      return;
    }
    if (!leader.fetched(follower, brokerEpoch, position.offset, this.#now())) {
      answer({ kind: 'error', error: 'FENCED_LEADER_EPOCH' });
      return;
    }
    this.#afterProgress();
    // Also what is not on this disk yet, so that both write at once.
    const batches = this.#log.read(position.offset, this.#log.logEndOffset);
    answer({ kind: 'records', batches, highWatermark: leader.highWatermark });
  }

  #serving(): PartitionLeader | undefined {
    return this.#process.epoch === undefined ? undefined : this.#leader;
  }

  #now(): number {
    return this.#process.broker.now();
  }

  /** False when that is its role already. */
  #take(roleName: string): boolean {
    if (roleName !== '' && roleName === this.#roleName) return false;
    this.#roleName = roleName;
    this.#role = {};
    this.#leader = undefined;
    this.#openings.clear();
    return true;
  }

  /** Under this very role. */
  #still(role: object, action: () => void): () => void {
    return () => this.#process.soon(() => void (this.#role === role && action()));
  }

  #lead(record: PartitionRecord, revision: number): void {
    if (!this.#take(`leader ${record.leaderEpoch}`)) {
      this.#leader?.update(record, revision, this.#now());
      this.#afterProgress();
      return;
    }
    this.#refuseWaiting();
    const flushed = this.#still(this.#role, () => {
      const { broker, around, view } = this.#process;
      this.#log.leaderEpochs.assign(record.leaderEpoch, this.#log.logEndOffset);
      const joinable = (id: number): number | undefined => {
        const { epoch, draining, lostData } = view.states(id);
        return draining || lostData ? undefined : epoch;
      };
      this.#leader = new PartitionLeader(
        { me: broker.id, lagMsMax: around.lagMsMax, joinable },
        {
          record: this.#record!,
          revision: this.#revision,
          endOffset: this.#log.logEndOffset,
          highWatermark: this.#log.highWatermark,
          now: this.#now(),
        },
      );
      around.trace(broker.name, 'leads', { name: this.#name, epoch: record.leaderEpoch });
      this.#afterProgress();
    });
    this.#log.flush(flushed);
  }

  #follow(leader: number, epoch: number): void {
    if (!this.#take(`follows ${leader} ${epoch}`)) return;
    this.#refuseWaiting();
    if (this.#process.around.bugs.has('truncateToHighWatermark')) this.#log.truncate(this.#log.highWatermark);
    this.#fetchOnce(leader, epoch);
  }

  #fetchOnce(leader: number, epoch: number): void {
    const { broker, around } = this.#process;
    const role = this.#role;
    const go = this.#still(role, () => {
      const brokerEpoch = this.#process.epoch;
      if (brokerEpoch === undefined)
        return this.#process.after(
          RETRY_MS,
          this.#still(role, () => this.#fetchOnce(leader, epoch)),
        );
      const position = {
        currentLeaderEpoch: epoch,
        offset: this.#log.logEndOffset,
        lastFetchedEpoch: this.#log.lastEpoch,
      };
      const target = around.brokers[leader]!;
      around.network.request<ReplicaAnswer>(
        broker,
        target,
        (answer) => {
          const replica = target.process?.replica(this.#name);
          if (replica === undefined) answer({ kind: 'error', error: 'UNKNOWN_LEADER_EPOCH' });
          else replica.fetch(broker.id, brokerEpoch, position, answer);
        },
        (answer) => this.#still(role, () => this.#onFetched(leader, epoch, answer))(),
        FETCH_TIMEOUT_MS,
      );
    });
    // Where it goes on tells the leader what is on this disk.
    if (around.bugs.has('confirmBeforeFlush')) go();
    else this.#log.flush(go);
  }

  #onFetched(leader: number, epoch: number, answer: ReplicaAnswer | undefined): void {
    const again = (ms: number): void =>
      this.#process.after(
        ms,
        this.#still(this.#role, () => this.#fetchOnce(leader, epoch)),
      );
    switch (answer?.kind) {
      case 'records': {
        for (const batch of answer.batches) {
          if (batch.baseOffset === this.#log.logEndOffset) this.#log.append(batch);
        }
        const known = Math.min(answer.highWatermark, this.#log.logEndOffset);
        this.#log.highWatermark = Math.max(this.#log.highWatermark, known);
        again(answer.batches.length > 0 ? 0 : IDLE_MS);
        return;
      }
      case 'diverging':
        this.#truncate(truncationFor(this.#log, answer));
        {
          again(0);
          return;
        }
      case 'out-of-range': {
        const remedy = outOfRange(this.#log, answer);
        if (remedy !== undefined && 'truncateTo' in remedy) this.#truncate(remedy.truncateTo);
        assert(remedy === undefined || 'truncateTo' in remedy, 'nothing is deleted here');
        again(RETRY_MS);
        return;
      }
      default: {
        again(RETRY_MS);
        return;
      }
    }
  }

  #truncate(endOffset: number): void {
    const { broker, around } = this.#process;
    around.trace(broker.name, 'truncates', {
      name: this.#name,
      from: this.#log.logEndOffset,
      to: endOffset,
      highWatermark: this.#log.highWatermark,
    });
    around.history.truncated(this.#name, broker.name, endOffset, this.#log.highWatermark);
    this.#log.truncate(endOffset);
    this.#log.highWatermark = Math.min(this.#log.highWatermark, this.#log.logEndOffset);
  }

  #tick(): void {
    const leader = this.#serving();
    if (leader !== undefined) this.#afterProgress();
    else if (this.#record !== undefined && this.#process.epoch !== undefined && this.#roleName === '')
      this.onRecord(this.#record, this.#revision);
  }

  /** After anything that may have moved the high watermark, or asks for another ISR. */
  #afterProgress(): void {
    const leader = this.#leader;
    if (leader === undefined) return;
    const { around, broker } = this.#process;
    this.#log.highWatermark = Math.max(this.#log.highWatermark, leader.highWatermark);
    around.history.highWatermark(this.#name, leader.epoch, broker.name, leader.highWatermark);
    const ready = this.#waiting.filter(({ endOffset }) => endOffset <= leader.highWatermark);
    this.#waiting = this.#waiting.filter(({ endOffset }) => endOffset > leader.highWatermark);
    for (const { committed } of ready) committed();
    const proposal = leader.propose(this.#now());
    if (proposal !== undefined) this.#submit(leader);
  }

  #refuseWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { refused } of waiting) refused();
  }

  /** Swaps the record for the proposed one; while the outcome is unknown, again and again. */
  #submit(leader: PartitionLeader): void {
    const proposal = leader.pending;
    const { broker, around } = this.#process;
    if (proposal === undefined || this.#leader !== leader) return;
    const key = partitionKey(this.#name);
    const when = [
      { key, modified: proposal.expected },
      { key: brokerKey(broker.id), created: this.#process.epoch ?? -1 },
      ...proposal.brokerEpochs.map(({ brokerId, brokerEpoch }) => ({
        key: brokerKey(brokerId),
        created: brokerEpoch,
      })),
    ];
    const settled = (outcome: IsrOutcome): void => {
      if (this.#leader !== leader) return;
      leader.settled(outcome, this.#now());
      if (leader.pending === proposal) this.#process.after(RETRY_MS, () => this.#submit(leader));
      this.#afterProgress();
    };
    const compared = around.bugs.has('changeIsrWithoutComparing') ? [] : when;
    this.#process.txn({ when: compared, put: [{ key, value: proposal.record }] }, (answer) => {
      if (this.#leader !== leader || leader.pending !== proposal) return;
      if (answer.kind === 'done')
        return settled({ kind: 'done', record: proposal.record, revision: answer.revision });
      if (answer.kind === 'unknown') return settled({ kind: 'unknown' });
      this.#process.reload(() => {
        const now = this.#process.view.entry(key);
        settled(now?.modRevision === proposal.expected ? { kind: 'refused' } : { kind: 'unknown' });
      });
    });
  }
}

const endOf = ({ baseOffset, records }: SimBatch): number => baseOffset + records.length;
