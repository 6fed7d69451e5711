import type {
  AgentPort,
  Gap,
  GapReason,
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
}

interface Run {
  info: RunInfo;
  acked: Position | undefined;
  /** Sealed end of a run that is over; it is still compared with the hub, so that a loss there does not go unseen. */
  end: number | undefined;
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
          runs: [{ info: this.#newRun(logId, topic, 0), acked: undefined, end: undefined }],
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
      producerId: log.runs.at(-1)!.info.producerId,
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
    const run = log.runs.at(-1)!;
    const from = run.acked?.next ?? run.info.firstOffset;
    const index = log.batches.findIndex((batch) => batch.base >= from);
    if (index < 0) return;
    log.dropped.push(...log.batches.splice(0, index + count));
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
      const run = log.runs.at(-1)!;
      const drained =
        (run.acked?.next ?? run.info.firstOffset) === log.endOffset && this.#live.gaps.length === 0;
      return { logId: log.logId, endOffset: log.endOffset, drained };
    });
  }

  *streams(): Iterable<UplinkStream> {
    for (const log of this.#live.logs) {
      const durable = this.#disk.logs.find((other) => other.logId === log.logId)!;
      for (const run of log.runs) {
        // A run that is not flushed does not exist yet.
        if (durable.runs.some((other) => other.info.producerId === run.info.producerId)) {
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
    const { producerId } = run.info;
    const durableEnd = () => this.#durableEnd(log);
    return {
      run: run.info,
      get logStartOffset() {
        return run.end ?? log.batches[0]?.base ?? log.endOffset;
      },
      get sealedEndOffset() {
        return run.end ?? Math.min(durableEnd(), log.endOffset);
      },
      get ended() {
        return run.end !== undefined;
      },
      get acked() {
        return run.acked;
      },
      read: (offset, maxBytes) => {
        const out: Buffer[] = [];
        let size = 0;
        for (const batch of log.batches) {
          if (batch.base < offset || batch.next > durableEnd()) continue;
          if (out.length > 0 && size + batch.bytes.length > maxBytes) break;
          size += batch.bytes.length;
          out.push(stamped(batch, producerId));
          if (size >= maxBytes) break;
        }
        return out;
      },
      crcEndingAt: (next) => {
        const batch = [...log.batches, ...log.dropped].find((other) => other.next === next);
        return batch === undefined ? undefined : readBatchHeader(stamped(batch, producerId)).crc;
      },
      acknowledge: (position) => {
        this.#hooks.acknowledged(run.info, position);
        run.acked = position;
        this.#free(log, position.next);
        void this.#flushSoon();
      },
      startNewRun: async (reason, hub) => {
        this.#hooks.diverged(run.info, reason, hub);
        const gap = this.#replaceRun(log, run, reason, hub);
        await this.#flushSoon();
        return gap;
      },
      refused: (code, message) => this.#hooks.refused(run.info, code, message),
    };
  }

  #replaceRun(log: Log, run: Run, reason: NewRunReason, hub: Position | undefined): Gap | undefined {
    const forget = () => log.runs.splice(log.runs.indexOf(run), 1);
    if (run.end !== undefined) {
      forget();
      const end = run.acked?.next;
      if (reason !== 'hub-lost-data' || end === undefined) return undefined;
      return this.#declare(log, hub?.next ?? run.info.firstOffset, end, reason);
    }
    const logStart = log.batches[0]?.base ?? log.endOffset;
    const acked = run.acked?.next ?? run.info.firstOffset;
    // Of earlier runs, what is still here and was acknowledged stays theirs.
    const own = Math.max(logStart, run.info.firstOffset);
    const theirs = reason === 'hub-ahead' || reason === 'crc-mismatch';
    const first = theirs ? Math.max(acked, own) : own;
    // What the hub surely holds of the old run; where the two disagree about just that, nothing can be compared.
    const held = theirs ? run.acked : hub;
    if (held === undefined || (theirs && hub?.next === held.next)) {
      forget();
    } else {
      run.acked = held;
      run.end = Math.max(first, Math.min(this.#durableEnd(log), log.endOffset));
    }
    log.runs.push({ info: this.#newRun(log.logId, log.topic, first), acked: undefined, end: undefined });
    const from = theirs ? acked : (hub?.next ?? run.info.firstOffset);
    return this.#declare(log, from, first, theirs ? 'diverged' : reason);
  }

  #declare(log: Log, from: number, to: number, reason: GapReason): Gap | undefined {
    if (from >= to) return undefined;
    const gap: Gap = { logId: log.logId, topic: log.topic, from, to, reason };
    this.#live.gaps.push(gap);
    this.#hooks.gapDeclared(gap);
    return gap;
  }

  #free(log: Log, next: number): void {
    const acked = log.batches.filter((batch) => batch.next <= next).length;
    log.batches.splice(0, Math.max(0, acked - this.#options.keepAcked));
  }

  #newRun(logId: string, topic: string, firstOffset: number): RunInfo {
    const producerId = RESERVED_PRODUCER_ID_MIN + Math.floor(this.#options.prng.next() * 2 ** 48);
    return { producerId, logId, topic, firstOffset };
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
