import type { DivergenceReason, Position, RefusalCode, RunInfo } from '../ports.ts';

/**
 * `greeting`: hello is awaited. `admitting`: the registry decides. `live`: welcomed. `ended`: nothing more is taken or
 * sent; commits still under way end unheard.
 */
export type HubPhase = 'greeting' | 'admitting' | 'live' | 'ended';

/**
 * `opening`: the store looks for the run. `open`: batches are taken. `diverged`: the positions disagree in a way that
 * no batch can mend, the agent has to begin a new run. `refused`: told so; batches on their way are discarded.
 * `closed`: the agent is done with it; it goes away with its last commit.
 */
export type HubStreamPhase = 'opening' | 'open' | 'diverged' | 'refused' | 'closed';

export interface Uncommitted {
  next: number;
  crc: number;
  bytes: number;
}

export interface HubStream {
  readonly handle: number;
  readonly run: RunInfo;
  readonly openedAt: { acked: Position | undefined; sealedEnd: number };
  phase: HubStreamPhase;
  partition: number | undefined;
  /** Base offset of the only batch that is taken next. */
  receivedNext: number;
  committed: Position | undefined;
  uncommitted: Uncommitted[];
  /** `committed` moved since the last ack. */
  dirty: boolean;
  divergence: DivergenceReason | undefined;
  refusal: { code: RefusalCode; message: string } | undefined;
}

export interface HubSession {
  readonly hubId: string;
  readonly limits: HubLimits;
  phase: HubPhase;
  gateway: string;
  instance: string;
  agentVersion: string;
  /** Gateway clock − hub clock at hello, ms. */
  clockOffsetMs: number;
  version: number;
  /** Batch bytes the agent may still send. */
  credit: number;
  /** Bytes committed or discarded whose credit is not returned yet. */
  creditOwed: number;
  uncommittedBytes: number;
  streams: Map<number, HubStream>;
  /** Handles in use, by producer id. */
  runs: Map<number, HubStream>;
  dirty: HubStream[];
  highestHandle: number;
  receivedBatches: number;
  receivedBytes: number;
}

export interface HubLimits {
  creditBytes: number;
  maxFrameBytes: number;
  streamsMax: number;
}

export function createHubSession(hubId: string, limits: HubLimits): HubSession {
  return {
    hubId,
    limits,
    phase: 'greeting',
    gateway: '',
    instance: '',
    agentVersion: '',
    clockOffsetMs: 0,
    version: 0,
    credit: limits.creditBytes,
    creditOwed: 0,
    uncommittedBytes: 0,
    streams: new Map(),
    runs: new Map(),
    dirty: [],
    highestHandle: 0,
    receivedBatches: 0,
    receivedBytes: 0,
  };
}
