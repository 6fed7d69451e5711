import type { Gap, Position, RefusalCode, RunInfo } from '../ports.ts';
import { type Departure, newPace, type Pace } from './pace.ts';
import { SendQueue } from './send-queue.ts';

/**
 * `connecting`: no socket yet. `greeting`: hello is sent. `live`: the hub welcomed us. `ended`: this session is over,
 * whatever still arrives is ignored; a reconnection is a new session.
 */
export type AgentPhase = 'connecting' | 'greeting' | 'live' | 'ended';

/**
 * `opening`: open is sent. `comparing`: the disk is asked about the hub's position. `flowing`: batches travel.
 * `restarting`: the port opens a new run, or sets a batch aside. `waiting`: to be opened again at `retryAt`. `refused`: set aside with an
 * alarm, until `retryAt`.
 */
export type AgentStreamPhase = 'opening' | 'comparing' | 'flowing' | 'restarting' | 'waiting' | 'refused';

export interface InFlight extends Departure {
  base: number;
  next: number;
  crc: number;
  bytes: number;
}

/** What stood against a stream may have been changed at the hub. */
const REFUSED_RETRY_MS = 60_000;

export interface AgentStream {
  readonly run: RunInfo;
  phase: AgentStreamPhase;
  handle: number;
  sealedEndOffset: number;
  /** Nothing of it travels any more. */
  ended: boolean;
  priority: number;
  isBacklog: boolean;
  partition: number | undefined;
  acked: Position | undefined;
  /** The hub's position: that of the last `opened`, and what it acknowledged since. */
  hub: Position | undefined;
  /** Offset of the next batch to send. */
  sentNext: number;
  /** Sent and not acknowledged, oldest first. */
  inFlight: InFlight[];
  inFlightBytes: number;
  /** In `sendQueue`. */
  queued: boolean;
  /** Size of the next batch where it is known to be larger than the credit was. */
  needBytes: number;
  retryAt: number;
  /** Refusals since the last acknowledgement. */
  refusals: number;
  /** Times since then that the hub could not take it at the moment. */
  outages: number;
  /** What comes next could not be read: nothing is until what is in flight is acknowledged, or refused. */
  isUnreadable: boolean;
  /** Set while the hub refuses a batch: one at a time is sent then. `offset`: which one, where that is known; how often in a row. */
  suspect: { offset: number | undefined; refusals: number } | undefined;
  reason: { code: RefusalCode; message: string } | undefined;
}

export interface AgentSession {
  readonly identity: { gateway: string; instance: string; version: string };
  phase: AgentPhase;
  hubId: string | undefined;
  /** The hub's cap. */
  maxFrameBytes: number;
  /** Batch bytes that may still be sent. */
  credit: number;
  inFlightBytes: number;
  pace: Pace;
  /** Streams below this priority send nothing for now. */
  leastPriority: number;
  /** How long a stream that was refused for good stays set aside, ms. */
  refusedRetryMs: number;
  /** Since when no stream could be taken by this hub, ms; undefined while some can. */
  unavailableSince: number | undefined;
  /** After how long of that another hub is looked for; undefined where there is no other. */
  moveAfterMs: number | undefined;
  nextHandle: number;
  streams: Map<number, AgentStream>;
  /** Streams by the handle they are open under. */
  handles: Map<number, AgentStream>;
  /** Flowing streams that may have something to send. */
  sendQueue: SendQueue<AgentStream>;
  nextGapId: number;
  gaps: Map<number, Gap>;
  declaredGaps: Set<string>;
  sentBatches: number;
  sentBytes: number;
  ackedBatches: number;
  ackedBytes: number;
}

export function createAgentSession(
  identity: AgentSession['identity'],
  limits: {
    maxFrameBytes: number;
    moveAfterMs?: number | undefined;
    refusedRetryMs?: number | undefined;
  },
  now = 0,
): AgentSession {
  return {
    identity,
    phase: 'connecting',
    hubId: undefined,
    maxFrameBytes: limits.maxFrameBytes,
    credit: 0,
    inFlightBytes: 0,
    pace: newPace(now),
    leastPriority: Number.NEGATIVE_INFINITY,
    refusedRetryMs: limits.refusedRetryMs ?? REFUSED_RETRY_MS,
    unavailableSince: undefined,
    moveAfterMs: limits.moveAfterMs,
    nextHandle: 1,
    streams: new Map(),
    handles: new Map(),
    sendQueue: new SendQueue(),
    nextGapId: 1,
    gaps: new Map(),
    declaredGaps: new Set(),
    sentBatches: 0,
    sentBytes: 0,
    ackedBatches: 0,
    ackedBytes: 0,
  };
}
