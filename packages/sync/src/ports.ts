/**
 * What the two shells need from the process they live in. The agent and the hub implement these;
 * tests and the simulator implement them too.
 */

/** One run of one stream: a contiguous range of edge offsets under one producer id (DESIGN, "Identity"). */
export interface RunInfo {
  /** Reserved producer id, 2^52 … 2^53−1. */
  producerId: number;
  /** UUID of the edge partition log. */
  logId: string;
  /** Kafka topic that the stream feeds. */
  topic: string;
  /** First edge offset of the run. */
  firstOffset: number;
}

/** `refused`: the hub would never take a batch, which the gateway set aside. */
export type GapReason = 'hub-lost-data' | 'diverged' | 'dropped' | 'quarantined' | 'refused';

/** Offsets [from, to) of a stream that the hub will never get under this or any run. */
export interface Gap {
  logId: string;
  topic: string;
  from: number;
  to: number;
  reason: GapReason;
}

/** A committed position at the hub: `next` is one past the last committed edge offset, `crc` that of the batch which ends there. */
export interface Position {
  next: number;
  crc: number;
}

export type DivergenceReason =
  | 'hub-lost-data' // the hub holds less than it acknowledged
  | 'hub-ahead' // the hub holds more than this gateway ever wrote: a restored backup or a clone
  | 'crc-mismatch'; // both hold the same offsets with different bytes

/** Why a run cannot go on. `dropped`: this gateway gave up data that the hub does not have. */
export type NewRunReason = DivergenceReason | 'dropped';

/**
 * A run of a stream as the uplink sees it. All offsets are edge offsets. A port that drops data which was not
 * acknowledged only moves `logStartOffset`: what of it the hub has is known when it answers, and then `startNewRun` is
 * asked for with the reason `dropped`, if at all.
 */
export interface UplinkStream {
  readonly run: RunInfo;
  /** First offset still on this disk. */
  readonly logStartOffset: number;
  /** One past the last *sealed and flushed* record: what may travel. */
  readonly sealedEndOffset: number;
  /**
   * True for a run that is over, whose unacknowledged rest is dropped and declared: nothing of it travels any more. A
   * port may keep yielding such runs, so that a hub which loses their data is found out (`startNewRun` then only
   * answers the gap).
   */
  readonly ended?: boolean;
  /** Higher is sent first. Default 0; never changes. */
  readonly priority?: number;
  /** A run that has an end beside a newer one of its stream: what is fresh goes first. Default false. */
  readonly isBacklog?: boolean;
  /** Last acknowledged position, undefined when nothing of this run was. */
  readonly acked: Position | undefined;
  /**
   * Sealed batches from `offset`, already carrying the run's producer id, whole and contiguous; at most `maxBytes`
   * unless the first alone is larger. Empty at the end. `memory` gives what to read into, where that is not to be fresh memory.
   */
  read(offset: number, maxBytes: number, memory?: (sizeBytes: number) => Buffer): Buffer[];
  /**
   * CRC of the batch whose last offset is `next` − 1, if it is still here. A port that drops what was not acknowledged
   * remembers the CRCs of what may have been sent of it (no more than the hub's credit).
   */
  crcEndingAt(next: number): number | undefined;
  /** Persists the position and frees what lies below. */
  acknowledge(position: Position): void;
  /**
   * The hub's position `hub` (undefined: nothing of this run) cannot be continued. Opens a new run and says what is
   * lost for good, if anything; that gap is then also among `unconfirmedGaps()`. Durable when resolved. From then on
   * `streams()` yields the new run (this object with another `run`, or another object) and the old one no more.
   * The new run begins, for `hub-lost-data` and `dropped`, at `logStartOffset` (all that is still here travels; the gap
   * is [hub?.next ?? run.firstOffset, logStartOffset) if that is not empty); for the others, where the hub's bytes are not
   * this gateway's, at max(acked?.next ?? run.firstOffset, logStartOffset).
   */
  startNewRun(reason: NewRunReason, hub: Position | undefined): Promise<Gap | undefined>;
  /**
   * The hub has refused the batch at `offset`, and nothing else of this run, several times: all before it is at the hub, at position
   * `hub`. Keeps the batch elsewhere, declares the gap, and goes on behind it in a new run; durable when resolved. From then on this run
   * ends before the batch, or is gone. Rejects with EdgelogError where there is no room for it: the stream then stands still. Without it
   * streams always do.
   */
  setAside?(refused: RefusedBatch, hub: Position | undefined): Promise<Gap | undefined>;
  /**
   * What is at `offset` could not be read, and the hub has all of this run before it, at position `hub` (undefined: nothing). A port that
   * finds it damaged ends the run there, declares the gap, and goes on behind it in a new run; without it the stream stands still.
   */
  unreadable?(offset: number, hub: Position | undefined): void;
  /** The hub refuses this stream (illegal topic, batch it will never take): reported; others flow. */
  refused(code: RefusalCode, message: string): void;
}

export interface RefusedBatch {
  /** Base offset. */
  offset: number;
  code: RefusalCode;
  message: string;
}

export interface AgentPort {
  /** `instance` is drawn at every process start: it tells a restart from a clone. */
  readonly identity: { gateway: string; instance: string; version: string };
  streams(): Iterable<UplinkStream>;
  /** Gaps not yet confirmed by a hub. */
  unconfirmedGaps(): Iterable<Gap>;
  gapConfirmed(gap: Gap): void;
}

export const REFUSAL_CODES = [
  'duplicate-instance',
  'unsupported-version',
  'unauthorized',
  'protocol-error',
  'illegal-topic',
  'topic-missing',
  'out-of-order',
  'corrupt-batch',
  'batch-too-large',
  'store-failed',
  /** For now: the partition has no leader, it moved, or too few replicas have what was sent. */
  'not-available',
  'shutting-down',
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

export interface Refusal {
  readonly ok: false;
  readonly code: RefusalCode;
  readonly message: string;
}

export type HubAppend = { readonly ok: true; readonly committed: Promise<Position | Refusal> } | Refusal;

/** What an operator should hear of a gateway, besides the gaps that it declares. */
export type Incident =
  /** The positions of gateway and hub disagree: a restored disk, a clone, lost data. `position` is the hub's. */
  | {
      readonly type: 'divergence';
      readonly gateway: string;
      readonly run: RunInfo;
      readonly reason: DivergenceReason;
      readonly position: Position | undefined;
    }
  /** A stream was refused for what it is or holds, not for the moment. Told again whenever it is tried again. */
  | {
      readonly type: 'refusal';
      readonly gateway: string;
      readonly run: RunInfo;
      readonly code: RefusalCode;
      readonly message: string;
    }
  /** Two live processes claim one name. */
  | {
      readonly type: 'duplicate-gateway';
      readonly gateway: string;
      readonly holder: { readonly instance: string; readonly remote: string };
      readonly refused: { readonly instance: string; readonly remote: string };
    };

/** Implemented by the hub's broker, and by the sink that writes into an existing Kafka cluster. */
export interface HubPort {
  readonly hubId: string;
  /**
   * Finds or makes the partition for the run and remembers the mapping durably. Answers the committed position
   * (after anything in flight is flushed), undefined when no batch of the run is committed here. `acked` is what the gateway says
   * was acknowledged, for a port that may be told less than is so (by a broker that does not know yet that it leads no more). `agent` is the
   * instance that asks, drawn anew by each of its processes: two that take turns are a gateway and its clone.
   */
  openRun(
    gateway: string,
    run: RunInfo,
    acked?: Position,
    agent?: string,
  ): Promise<{ ok: true; partition: number; position: Position | undefined } | Refusal>;
  /**
   * Appends one sealed batch, in call order per run. Synchronous up to the enqueue; `committed` resolves once the batch
   * is below the high watermark, with the position right after it (its own end and CRC; for a duplicate also the run's
   * committed position, if that is further); or with a refusal, when it will not be known here whether it ever is: the run is then
   * opened again, which tells. It rejects when the store failed. The buffer belongs to the callee, until
   * `committed` resolves with a position: then it may be written over.
   * A duplicate is one by its CRC: other records at offsets already stored come from a clone, and are `out-of-order`.
   */
  append(producerId: number, batch: Buffer): HubAppend;
  /** Records a declared gap durably. */
  recordGap(gateway: string, gap: Gap): Promise<void>;
  /** Returns at once: what becomes of it delays no gateway. */
  incident?(incident: Incident): void;
}
