import { EdgelogError } from '@edgelog/base';
import { type HubAppend, type Position, type Refusal, refuse } from '@edgelog/sync';
import { readBatchHeader } from '@edgelog/wire';
import type { Produced, SinkCluster } from './cluster.ts';
import { GONE_MS, QUIET_MS, SETTLE_MS_MAX, UNVERIFIED_MAX } from './limits.ts';
import type { RefusalLog } from './refusal-log.ts';
import type { Registration } from './registration.ts';
import { type RunBatch, RunSession } from './run.ts';
import { RunProgress } from './run-progress.ts';
import { pause } from './survey.ts';
import type { TopicPolicy } from './topic-policy.ts';
import { Verifier, type VerifierDeps } from './verifier.ts';

export interface ActiveRunDeps extends VerifierDeps {
  readonly cluster: Pick<SinkCluster, 'produce' | 'scan'>;
  readonly now: () => number;
  readonly refusals: RefusalLog;
}

export interface ActiveRunStart {
  readonly producerId: number;
  readonly registration: Registration;
  readonly leaderEpoch: number;
  readonly policy: TopicPolicy;
  readonly position: Position | undefined;
  readonly offset: number;
  /** Monotonic, from when on nothing that was sent under older openings can still come to the log. */
  readonly sureAt: number;
}

/** A session of a run and what it needs around it: sends its batches, looks whether it was opened elsewhere, writes down how far it is. */
export class ActiveRun {
  readonly producerId: number;
  readonly #deps: ActiveRunDeps;
  readonly #start: ActiveRunStart;
  readonly #session: RunSession;
  readonly #verifier: Verifier;
  readonly #where: string;
  readonly #progress: RunProgress;
  #isSettled = false;
  #quietSince: number;
  #isVerifying = false;
  #cancelLook: (() => void) | undefined;
  #isRenewing = false;
  readonly #release: () => void;
  /** The last opening that followed on this session's with none of others between. */
  #heir: string;

  constructor(deps: ActiveRunDeps, start: ActiveRunStart) {
    const { registration, producerId, position, offset, policy } = start;
    const { place, record, writtenAt } = registration;
    this.producerId = producerId;
    this.#deps = deps;
    this.#release = deps.positions.known.hold(producerId);
    this.#start = start;
    this.#where = `${place.topic}-${place.partition}`;
    this.#heir = record.opening;
    this.#quietSince = deps.monotonic();
    this.#session = new RunSession({
      producerId,
      where: this.#where,
      next: position?.next ?? record.firstOffset,
      expirationMs: policy.expirationMs,
      isCompacted: policy.isCompacted,
      leasedAt: writtenAt,
    });
    const toCompare = start.sureAt > deps.monotonic() && !policy.rewrites ? UNVERIFIED_MAX : 0;
    this.#verifier = new Verifier(deps, { session: this.#session, registration, producerId, toCompare });
    const { handover } = this.#session;
    this.#progress = new RunProgress(deps, { producerId, registration, position, offset, handover });
  }

  get inFlight(): { batches: number; bytes: number } {
    return this.#session.inFlight;
  }

  /** Monotonic, when the oldest commit that is not written down was; undefined: all is. */
  get dirtySince(): number | undefined {
    return this.#progress.dirtySince;
  }

  /** Whether what it sent is all accounted for. */
  get hasUnknown(): boolean {
    return this.#session.hasUnknown;
  }

  get sureAt(): number {
    return this.#start.sureAt;
  }

  /** Instance of the agent whose session it is. */
  get agent(): string | undefined {
    return this.#start.registration.record.agent;
  }

  /** Whether all openings from this session's to that one are of this sink; to be asked of each, in their order. */
  isFollowedBy({ previous, record }: Registration): boolean {
    if (previous?.record.opening !== this.#heir) return false;
    this.#heir = record.opening;
    return true;
  }

  get topic(): string {
    return this.#start.registration.place.topic;
  }

  /** All that it sent is answered for and written down, and nothing has come for so long that opening it again costs no more than this would. */
  get isGone(): boolean {
    const isOver = this.#session.ending !== undefined && this.dirtySince === undefined;
    const isBusy = this.#progress.isWriting || this.#isRenewing || this.#isVerifying;
    if (isBusy || !this.#session.isIdle || !(isOver || this.#isSettled)) return false;
    return this.#deps.monotonic() - this.#quietSince >= GONE_MS;
  }

  /** What is known of the run need not be kept for this session any more, which is over or gone. */
  drop(): void {
    this.#release();
  }

  append(bytes: Buffer): HubAppend {
    try {
      const header = readBatchHeader(bytes);
      if (header.sizeBytes !== bytes.length) {
        return refuse('corrupt-batch', `${bytes.length} bytes hold a batch of ${header.sizeBytes}`);
      }
      // Its place in the gateway's log; Kafka wants none, and gives it its own. Not under the CRC.
      bytes.fill(0, 0, 8);
      const { recordCount: records, maxTimestamp, crc } = header;
      const position = { next: this.#session.next + records, crc };
      const { promise: committed, resolve: settle } = Promise.withResolvers<Position | Refusal>();
      const refusal = this.#session.take({ bytes, position, records, maxTimestamp, settle }, header);
      if (refusal !== undefined) return refusal;
      this.#pump();
      return { ok: true, committed };
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      return refuse('corrupt-batch', error.message);
    }
  }

  #pump(): void {
    const { cluster, now, monotonic } = this.#deps;
    const { registration, leaderEpoch } = this.#start;
    const clocks = { now: now(), monotonic: monotonic() };
    if (this.#session.needsLease(clocks)) void this.#renew();
    for (const batch of this.#session.send(clocks)) {
      void cluster.produce(registration.place, leaderEpoch, batch.bytes).then((produced) => {
        this.#count(produced, batch);
        this.#session.answered(batch, produced);
        this.#pump();
        this.#verifySoon();
      });
    }
  }

  #count(produced: Produced, { records, bytes }: RunBatch): void {
    const { counters, log, refusals } = this.#deps;
    this.#quietSince = this.#deps.monotonic();
    if (produced.outcome === 'committed') {
      counters.committedBatches++;
      counters.committedRecords += records;
      counters.committedBytes += bytes.length;
      refusals.taken(this.producerId, this.#where);
      return;
    }
    const { error, message } = produced;
    const fields = { run: this.producerId, partition: this.#where, error, message };
    if (produced.outcome === 'refused') {
      counters.refusedBatches++;
      refusals.refused(fields);
    } else {
      counters.unknownOutcomes++;
      log.debug('what became of a batch is not known', fields);
    }
    counters.failed(`produce to ${this.#where}`, `${error}: ${message}`);
  }

  /** Not a look for each batch of a backlog: while others are under way the next few share one. */
  #verifySoon(): void {
    if (this.#session.doneCount === 0 || this.#isVerifying) return;
    if (this.#session.isLookDue) void this.#verify();
    else
      this.#cancelLook ??= this.#deps.timers.after(this.#session.handover.lookAfterMs, () => {
        this.#cancelLook = undefined;
        if (this.#session.doneCount > 0 && !this.#isVerifying) void this.#verify();
      });
  }

  /** Tells what is committed, once it is sure that nobody opened the run elsewhere before it was. */
  async #verify(): Promise<void> {
    this.#isVerifying = true;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    do {
      const count = this.#session.doneCount;
      const lookedAt = this.#deps.monotonic();
      if (!(await this.#verifier.isStored(count)) || !(await this.#verifier.isMine())) break;
      this.#session.handover.looked(lookedAt, this.#deps.monotonic());
      const last = this.#session.verified(count, lookedAt);
      if (last !== undefined) {
        this.#progress.committed(last.position, last.endOffset);
        this.#isSettled = false;
      }
      this.#pump();
    } while (this.#session.doneCount > 0 && this.#session.isLookDue);
    this.#isVerifying = false;
    this.#verifySoon();
  }

  /** Says that something will come, then looks whether somebody else says so, then goes on. */
  async #renew(): Promise<void> {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    const sentAt = this.#deps.monotonic();
    let isWritten = false;
    try {
      await this.#progress.write(false);
      isWritten = true;
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      this.#session.end(refuse('not-available', `${this.#where}: ${error.message}`));
    }
    if (isWritten && (await this.#verifier.isMine())) this.#session.renewed(sentAt);
    this.#isRenewing = false;
    this.#pump();
  }

  /** Writes down how far it is, if that is due: what was committed, and, once it is quiet and sure, that it is all. */
  async keep(): Promise<void> {
    if (this.#progress.isWriting || this.#isRenewing) return;
    const isOver = this.#session.ending !== undefined;
    if (this.dirtySince !== undefined && !(isOver && this.#isSettled)) return this.#try(false);
    const { monotonic } = this.#deps;
    if (isOver || this.#isSettled || !this.#session.isIdle || this.#session.hasUnknown) return;
    const isQuiet = monotonic() - this.#quietSince >= QUIET_MS;
    if (isQuiet && monotonic() >= this.#start.sureAt) await this.#settle();
  }

  #settle(): Promise<void> {
    this.#session.giveUpLease();
    this.#isSettled = true;
    return this.#try(true);
  }

  async #try(isSettled: boolean): Promise<void> {
    const sentAt = this.#deps.monotonic();
    try {
      await this.#progress.write(isSettled);
      if (!isSettled && this.#session.ending === undefined && !this.#isSettled) this.#session.renewed(sentAt);
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      // It may be written yet, and would be wrong then: another opening makes it void.
      if (isSettled) this.#session.end(refuse('not-available', `${this.#where}: ${error.message}`));
      this.#deps.counters.failed(`writing the position of run ${this.producerId}`, error.message);
    }
  }

  /** Takes nothing more. Resolves when the cluster answered for all that was sent and it is written down; false when that takes too long. */
  async end(reason: Refusal): Promise<boolean> {
    this.#session.end(reason);
    const { timers } = this.#deps;
    const isIdle = await Promise.race([
      this.#session.idle().then(() => true),
      pause(timers, SETTLE_MS_MAX).then(() => false),
    ]);
    if (this.dirtySince !== undefined) await this.#try(false);
    return isIdle;
  }

  /** As `end`, for a process that stops: what is committed is told first, and written down as all, if it is. */
  async stop(): Promise<void> {
    const { monotonic, timers } = this.#deps;
    for (const since = monotonic(); !this.#session.isIdle && this.#session.ending === undefined; ) {
      if (monotonic() - since >= SETTLE_MS_MAX) break;
      await pause(timers, 10);
    }
    const isAll = this.#session.isIdle && this.#session.ending === undefined && !this.#session.hasUnknown;
    this.#session.end(refuse('shutting-down', `${this.#where}: the sink is stopping`));
    if (isAll && monotonic() >= this.#start.sureAt && !this.#isSettled) await this.#settle();
    else if (this.dirtySince !== undefined) await this.#try(false);
  }
}
