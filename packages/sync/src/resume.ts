import type { DivergenceReason, NewRunReason, Position, RunInfo } from './ports.ts';

/** What the gateway's disk says about a run at the moment the hub's position arrives. */
export interface LocalFacts {
  logStartOffset: number;
  sealedEndOffset: number;
  /** The run is over: its data is not here and none of it travels. */
  ended: boolean;
  acked: Position | undefined;
  /** CRC of the local batch that ends at the hub's `next`, if there is a position and such a batch is still here. */
  crcAtHub: number | undefined;
}

export type ResumeDecision =
  /** Continue at `from`, after persisting `acknowledge` if it is there. `resent`: offsets the hub had and lost. */
  | { kind: 'send'; from: number; acknowledge: Position | undefined; resent: number }
  | { kind: 'new-run'; reason: NewRunReason };

/**
 * Where to continue a run, or that it cannot be continued. README.md has the table; the rows are numbered as there.
 * `hub` undefined: the hub holds no batch of the run.
 */
export function decideResume(run: RunInfo, local: LocalFacts, hub: Position | undefined): ResumeDecision {
  const { acked } = local;
  const next = acked?.next ?? run.firstOffset;
  if (hub === undefined) {
    if (acked !== undefined) return newRun('hub-lost-data'); // R2
    return local.ended ? nothingToSend(local) : sendFrom(next, local); // R11, R1
  }
  if (hub.next <= run.firstOffset) return newRun('crc-mismatch'); // R3
  if (acked !== undefined && hub.next === acked.next) {
    if (hub.crc !== acked.crc) return newRun('crc-mismatch'); // R5
    return local.ended ? nothingToSend(local) : sendFrom(next, local); // R11, R4
  }
  const sameBatch = local.crcAtHub === hub.crc;
  if (hub.next > next) {
    if (local.ended) return nothingToSend(local); // R11
    if (hub.next > local.sealedEndOffset) return newRun('hub-ahead'); // R6
    return sameBatch ? sendFrom(hub.next, local, { acknowledge: hub }) : newRun('crc-mismatch'); // R7, R8
  }
  return sameBatch && !local.ended && local.logStartOffset <= hub.next
    ? sendFrom(hub.next, local, { resent: next - hub.next }) // R9
    : newRun('hub-lost-data'); // R10
}

/** What the hub can tell by itself from the position in `open`: the same rows, without the gateway's batches. */
export function hubDivergence(
  run: RunInfo,
  acked: Position | undefined,
  sealedEndOffset: number,
  hub: Position | undefined,
): DivergenceReason | undefined {
  if (hub === undefined) return acked === undefined ? undefined : 'hub-lost-data';
  if (hub.next <= run.firstOffset) return 'crc-mismatch';
  if (hub.next > sealedEndOffset) return 'hub-ahead';
  return acked !== undefined && hub.next === acked.next && hub.crc !== acked.crc ? 'crc-mismatch' : undefined;
}

const newRun = (reason: NewRunReason): ResumeDecision => ({ kind: 'new-run', reason });

const nothingToSend = (local: LocalFacts): ResumeDecision => ({
  kind: 'send',
  from: local.sealedEndOffset,
  acknowledge: undefined,
  resent: 0,
});

function sendFrom(
  from: number,
  local: LocalFacts,
  found: { acknowledge?: Position; resent?: number } = {},
): ResumeDecision {
  if (local.logStartOffset > from) return newRun('dropped'); // R12
  return { kind: 'send', from, acknowledge: found.acknowledge, resent: found.resent ?? 0 };
}
