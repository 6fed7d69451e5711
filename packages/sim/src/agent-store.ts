import { EdgelogError } from '@edgelog/base';
import {
  acknowledge,
  currentRun,
  isDrained,
  type LostRange,
  leaveOut,
  openLane,
  type Run,
  replaceRun,
  settledOffset,
} from '@edgelog/edge/runs.ts';
import type {
  AgentPort,
  Gap,
  NewRunReason,
  Position,
  RefusalCode,
  RunInfo,
  UplinkStream,
} from '@edgelog/sync';
import { RESERVED_PRODUCER_ID_MIN, readBatchHeader, restampProducer } from '@edgelog/wire';
import { sealBatch } from './batch.ts';
import type { Clock } from './clock.ts';
import type { Prng } from './prng.ts';

interface Batch {
  base: number;
  next: number;
  crc: number;
  bytes: Buffer;
  records: readonly number[];
  /** It cannot be read any more. */
  isDamaged?: boolean;
}

interface Log {
  logId: string;
  topic: string;
  /** Stored whole batches, oldest first. */
  batches: Batch[];
  /** Dropped before anybody acknowledged them: their CRCs are still known. */
  dropped: Batch[];
  endOffset: number;
  runs: Run[];
  heldFrom: number;
}

/** Everything that a crash reverts to its last flush. */
interface Disk {
  logs: Log[];
  gaps: Gap[];
}

export interface AgentStoreOptions {
  clock: Clock;
  prng: Prng;
  gateway: string;
  /** Begins the instance names: a clone has the gateway's name and another instance. Default the gateway's name. */
  instancePrefix?: string;
  topics: readonly string[];
  /** A flush takes from nothing to this long. */
  flushMsMax: number;
  /** Acknowledged batches kept per log before they are freed. */
  keepAcked: number;
  paddingBytes?: number;
}

/** Called when something happens that the checker wants to know. */
export interface AgentStoreHooks {
  acknowledged(run: RunInfo, position: Position): void;
  /** `records` are durable at the gateway: their device has its acknowledgement. */
  durable(logId: string, baseOffset: number, records: readonly number[]): void;
  diverged(run: RunInfo, reason: NewRunReason, hub: Position | undefined): void;
  refused(run: RunInfo, code: RefusalCode, message: string): void;
  gapDeclared(gap: Gap): void;
}

/** Lanes of a log that have something to send. */
const LANES_MAX = 4;

/** A gateway's disk in memory: partition logs with runs, group flush, loss of what was not flushed. */
export class AgentStore implements AgentPort {
  readonly identity: { gateway: string; instance: string; version: string };
  readonly #options: AgentStoreOptions;
  readonly #hooks: AgentStoreHooks;
  #disk: Disk;
  #live: Disk;
  #flush: Promise<void> | undefined;
  #unflushed: { logId: string; base: number; records: readonly number[] }[] = [];
  /** Grows at each crash, so that a flush under way comes to nothing. */
  #life = 0;
  #restarts = 0;

  constructor(options: AgentStoreOptions, hooks: AgentStoreHooks) {
    this.#options = options;
    this.#hooks = hooks;
    const instance = `${options.instancePrefix ?? options.gateway}-0`;
    this.identity = { gateway: options.gateway, instance, version: 'sim' };
    this.#live = {
      logs: options.topics.map((topic, index) => {
        const logId = `${options.gateway}-log-${index}`;
        return {
          logId,
          topic,
          batches: [],
          dropped: [],
          endOffset: 0,
          runs: [{ producerId: this.#newProducerId(), firstOffset: 0, end: null, acked: null }],
          heldFrom: 0,
        };
      }),
      gaps: [],
    };
    this.#disk = copy(this.#live);
  }

  /** Takes records in and seals them as one batch; durable with the next flush. */
  ingest(topicIndex: number, records: readonly number[]): Promise<void> {
    const log = this.#live.logs[topicIndex]!;
    const base = log.endOffset;
    const bytes = sealBatch({
      producerId: currentRun(log).producerId,
      baseOffset: base,
      records,
      time: this.#options.clock.now(),
      paddingBytes: this.#options.paddingBytes ?? 0,
    });
    log.endOffset = base + records.length;
    log.batches.push({ base, next: log.endOffset, crc: readBatchHeader(bytes).crc, bytes, records });
    this.#unflushed.push({ logId: log.logId, base, records });
    return this.#flushSoon();
  }

  /** The disk is full and the policy says drop-oldest: `count` batches that nobody acknowledged go. */
  dropOldest(topicIndex: number, count: number): void {
    const log = this.#live.logs[topicIndex]!;
    const from = settledOffset(log);
    const index = log.batches.findIndex((batch) => batch.base >= from);
    if (index < 0) return;
    log.dropped.push(...log.batches.splice(0, index + count));
    void this.#flushSoon();
  }

  /** The disk forgets a batch that nobody acknowledged. */
  damage(topicIndex: number, nth: number): void {
    const log = this.#live.logs[topicIndex]!;
    const waiting = log.batches.filter(({ base }) => base >= settledOffset(log));
    const batch = waiting[nth % Math.max(1, waiting.length)];
    if (batch !== undefined) batch.isDamaged = true;
  }

  /** What comes from now on travels beside what the hub does not have yet, where there is any (`live-first`). */
  openLanes(): void {
    for (const log of this.#live.logs) {
      const run = currentRun(log);
      const isBehind = log.endOffset > (run.acked?.next ?? run.firstOffset);
      if (isBehind && log.runs.filter((one) => !isDrained(one)).length < LANES_MAX)
        openLane(log, log.endOffset, this.#newProducerId());
    }
    void this.#flushSoon();
  }

  /** kill -9 and a new process: what was not flushed is gone. */
  crash(): void {
    this.#life++;
    this.#restarts++;
    this.#live = copy(this.#disk);
    this.#unflushed = [];
    this.#flush = undefined;
    this.identity.instance = `${this.#options.instancePrefix ?? this.#options.gateway}-${this.#restarts}`;
  }

  backup(): Disk {
    return copy(this.#disk);
  }

  /** An older copy comes back; implies a restart. */
  restore(disk: Disk): void {
    this.#disk = copy(disk);
    this.crash();
  }

  /** What is durable here, for the checker: offsets by log. */
  stored(): { logId: string; endOffset: number; drained: boolean }[] {
    return this.#live.logs.map((log) => {
      const drained = settledOffset(log) === log.endOffset && this.#live.gaps.length === 0;
      return { logId: log.logId, endOffset: log.endOffset, drained };
    });
  }

  *streams(): Iterable<UplinkStream> {
    for (const log of this.#live.logs) {
      const durable = this.#disk.logs.find((other) => other.logId === log.logId)!;
      for (const run of log.runs) {
        // A run that is not flushed does not exist yet.
        if (durable.runs.some(({ producerId }) => producerId === run.producerId)) {
          yield this.#stream(log, run);
        }
      }
    }
  }

  unconfirmedGaps(): Iterable<Gap> {
    return this.#disk.gaps;
  }

  gapConfirmed(gap: Gap): void {
    const same = (other: Gap) => other.logId === gap.logId && other.from === gap.from && other.to === gap.to;
    this.#live.gaps = this.#live.gaps.filter((other) => !same(other));
    this.#disk.gaps = this.#disk.gaps.filter((other) => !same(other));
  }

  #stream(log: Log, run: Run): UplinkStream {
    const { producerId, firstOffset } = run;
    const info = { producerId, logId: log.logId, topic: log.topic, firstOffset };
    const durableEnd = () => Math.min(this.#durableEnd(log), log.endOffset);
    /** As far as the run goes. */
    const within = (offset: number) =>
      run.isClosed ? run.end! : Math.min(run.end ?? offset, Math.max(offset, firstOffset));
    return {
      run: info,
      get logStartOffset() {
        return within(log.batches[0]?.base ?? log.endOffset);
      },
      get sealedEndOffset() {
        return within(durableEnd());
      },
      get ended() {
        return run.isClosed === true;
      },
      get isBacklog() {
        return run.end !== null;
      },
      get acked() {
        return run.acked ?? undefined;
      },
      read: (offset, maxBytes) => {
        const out: Buffer[] = [];
        let size = 0;
        for (const batch of log.batches) {
          if (batch.base < offset || batch.next > within(durableEnd())) continue;
          if (batch.isDamaged && out.length > 0) break;
          if (batch.isDamaged)
            throw new EdgelogError('CORRUPT_BATCH', `the batch at ${batch.base} is damaged`);
          if (out.length > 0 && size + batch.bytes.length > maxBytes) break;
          size += batch.bytes.length;
          // Whoever gets it may write into it, as into what was read of a disk.
          out.push(Buffer.from(stamped(batch, producerId)));
          if (size >= maxBytes) break;
        }
        return out;
      },
      crcEndingAt: (next) => {
        const batch = [...log.batches, ...log.dropped].find((other) => other.next === next);
        return batch === undefined || batch.isDamaged
          ? undefined
          : readBatchHeader(stamped(batch, producerId)).crc;
      },
      acknowledge: (position) => {
        this.#hooks.acknowledged(info, position);
        acknowledge(run, position);
        this.#free(log);
        void this.#flushSoon();
      },
      startNewRun: async (reason, hub) => {
        this.#hooks.diverged(info, reason, hub);
        const gap = this.#replaceRun(log, run, reason, hub);
        await this.#flushSoon();
        return gap;
      },
      setAside: async ({ offset }, hub) => {
        const batch = log.batches.find(({ base }) => base === offset)!;
        const gap = this.#leaveOut(log, run, { from: offset, to: batch.next, reason: 'refused' }, hub);
        await this.#flushSoon();
        return gap;
      },
      unreadable: (offset, hub) => {
        const batch = log.batches.find(({ base, isDamaged }) => base === offset && isDamaged);
        if (batch === undefined) return;
        this.#leaveOut(log, run, { from: offset, to: batch.next, reason: 'quarantined' }, hub);
        void this.#flushSoon();
      },
      refused: (code, message) => this.#hooks.refused(info, code, message),
    };
  }

  #leaveOut(log: Log, run: Run, lost: LostRange, hub: Position | undefined): Gap {
    leaveOut(log, run, lost, { hub, producerId: this.#newProducerId() });
    return this.#declare(log, lost);
  }

  #replaceRun(log: Log, run: Run, reason: NewRunReason, hub: Position | undefined): Gap | undefined {
    const logStartOffset = log.batches[0]?.base ?? log.endOffset;
    const producerId = this.#newProducerId();
    const lost = replaceRun(log, run, { reason, hub, logStartOffset, producerId });
    return lost && this.#declare(log, lost);
  }

  #declare(log: Log, lost: LostRange): Gap {
    const gap: Gap = { logId: log.logId, topic: log.topic, ...lost };
    this.#live.gaps.push(gap);
    this.#hooks.gapDeclared(gap);
    return gap;
  }

  #free(log: Log): void {
    const settled = settledOffset(log);
    const acked = log.batches.filter((batch) => batch.next <= settled).length;
    log.batches.splice(0, Math.max(0, acked - this.#options.keepAcked));
  }

  #newProducerId(): number {
    return RESERVED_PRODUCER_ID_MIN + Math.floor(this.#options.prng.next() * 2 ** 48);
  }

  #durableEnd(log: Log): number {
    return this.#disk.logs.find((other) => other.logId === log.logId)?.endOffset ?? 0;
  }

  #flushSoon(): Promise<void> {
    this.#flush ??= new Promise((resolve) => {
      const life = this.#life;
      this.#options.clock.after(this.#options.prng.between(0, this.#options.flushMsMax), () => {
        if (life !== this.#life) return;
        this.#flush = undefined;
        this.#disk = copy(this.#live);
        for (const { logId, base, records } of this.#unflushed.splice(0)) {
          this.#hooks.durable(logId, base, records);
        }
        resolve();
      });
    });
    return this.#flush;
  }
}

const stampedCache = new WeakMap<Batch, Buffer>();

/** The batch under the run's producer id: batches sealed under an earlier run are stamped anew, as the agent does it. */
function stamped(batch: Batch, producerId: number): Buffer {
  const cached = stampedCache.get(batch) ?? batch.bytes;
  if (readBatchHeader(cached).producerId === producerId) return cached;
  const fresh = restampProducer(batch.bytes, producerId);
  stampedCache.set(batch, fresh);
  return fresh;
}

const copy = ({ logs, gaps }: Disk): Disk => ({
  logs: logs.map((log) => ({
    ...log,
    batches: [...log.batches],
    dropped: [...log.dropped],
    runs: log.runs.map((run) => ({ ...run })),
  })),
  gaps: [...gaps],
});
