import type { Gap, Position, RefusalCode, RunInfo } from '../ports.ts';

/**
 * `connecting`: no socket yet. `greeting`: hello is sent. `live`: the hub welcomed us. `ended`: this session is over,
 * whatever still arrives is ignored; a reconnection is a new session.
 */
export type AgentPhase = 'connecting' | 'greeting' | 'live' | 'ended';

/**
 * `opening`: open is sent. `comparing`: the disk is asked about the hub's position. `flowing`: batches travel.
 * `restarting`: the port opens a new run. `waiting`: to be opened again at `retryAt`. `refused`: set aside with an
 * alarm, until `retryAt`.
 */
export type AgentStreamPhase = 'opening' | 'comparing' | 'flowing' | 'restarting' | 'waiting' | 'refused';

export interface InFlight {
  next: number;
  crc: number;
  bytes: number;
}

export interface AgentStream {
  readonly run: RunInfo;
  phase: AgentStreamPhase;
  handle: number;
  sealedEndOffset: number;
  /** Nothing of it travels any more. */
  ended: boolean;
  partition: number | undefined;
  acked: Position | undefined;
  /** The position in the last `opened`. */
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
  /** Since when no stream could be taken by this hub, ms; undefined while some can. */
  unavailableSince: number | undefined;
  /** After how long of that another hub is looked for; undefined where there is no other. */
  moveAfterMs: number | undefined;
  nextHandle: number;
  streams: Map<number, AgentStream>;
  /** Streams by the handle they are open under. */
  handles: Map<number, AgentStream>;
  /** Flowing streams that may have something to send: first in, first served, one read each. */
  sendQueue: AgentStream[];
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
  limits: { maxFrameBytes: number; moveAfterMs?: number | undefined },
): AgentSession {
  return {
    identity,
    phase: 'connecting',
    hubId: undefined,
    maxFrameBytes: limits.maxFrameBytes,
    credit: 0,
    inFlightBytes: 0,
    unavailableSince: undefined,
    moveAfterMs: limits.moveAfterMs,
    nextHandle: 1,
    streams: new Map(),
    handles: new Map(),
    sendQueue: [],
    nextGapId: 1,
    gaps: new Map(),
    declaredGaps: new Set(),
    sentBatches: 0,
    sentBytes: 0,
    ackedBatches: 0,
    ackedBytes: 0,
  };
}
