import { assert } from '@edgelog/base';
import type { GapReason, NewRunReason, Position } from '@edgelog/sync';

/**
 * A run of a log: offsets from `firstOffset` to `end` under one producer id. Only the last run of a log has no end. Where a newer run
 * was opened beside a backlog (a lane), both travel, each in its order.
 */
export interface Run {
  producerId: number;
  firstOffset: number;
  end: number | null;
  /** Last position of this run that a hub acknowledged. */
  acked: Position | null;
  /** Nothing of it travels any more: it is only compared, so that a hub which loses it is found out. */
  isClosed?: boolean | undefined;
}

/** The runs of one log, oldest first. Offsets between two of them are lost and declared. Never empty. */
export interface RunList {
  runs: Run[];
  /** First offset that a hub should hold under one of the runs, or under one that is forgotten. */
  heldFrom: number;
}

export interface LostRange {
  from: number;
  to: number;
  reason: GapReason;
}

/** The run that grows. */
export function currentRun({ runs }: Pick<RunList, 'runs'>): Run {
  const last = runs.at(-1);
  assert(last !== undefined && last.end === null, 'the last run of a log has an end');
  return last;
}

/** One past the last offset of the run that a hub acknowledged. */
export const ackedOffset = (run: Run): number => run.acked?.next ?? run.firstOffset;

/** Nothing of it is left to send. */
export const isDrained = (run: Run): boolean =>
  run.isClosed === true || (run.end !== null && ackedOffset(run) >= run.end);

/** Below this everything is acknowledged, or lost and declared: it may be freed. */
export function settledOffset({ runs }: RunList): number {
  return ackedOffset(runs.find((run) => !isDrained(run)) ?? currentRun({ runs }));
}

/** Takes an acknowledgement; false where it is no news. */
export function acknowledge(run: Run, { next, crc }: Position): boolean {
  if (run.acked !== null && next <= run.acked.next) return false;
  run.acked = { next, crc };
  return true;
}

/** Ends the current run at `at`, above all that was sent of it; what comes from there on travels beside it. */
export function openLane(list: RunList, at: number, producerId: number): void {
  const run = currentRun(list);
  assert(at > ackedOffset(run), `a lane at ${at} beside a run without a backlog`);
  run.end = at;
  list.runs.push({ producerId, firstOffset: at, end: null, acked: null });
}

/**
 * The hub's position `hub` cannot be continued (`UplinkStream.startNewRun`): what is left of the run goes on under another producer id,
 * if anything is; what the hub surely holds of the old one is remembered. Answers what is lost for good.
 */
export function replaceRun(
  list: RunList,
  run: Run,
  o: { reason: NewRunReason; hub: Position | undefined; logStartOffset: number; producerId: number },
): LostRange | undefined {
  const { reason, hub } = o;
  const isOldest = list.runs[0] === run;
  const isHubsLoss = reason === 'hub-lost-data';
  // A hub that holds nothing of its oldest run holds nothing of those before either.
  const lacksAll = isHubsLoss && hub === undefined && isOldest;
  const heldEnd = hub?.next ?? (lacksAll ? list.heldFrom : run.firstOffset);
  if (run.isClosed) {
    substitute(list, run, isHubsLoss && hub !== undefined ? [{ ...run, acked: { ...hub } }] : []);
    if (lacksAll) list.heldFrom = ackedOffset(run);
    return isHubsLoss ? lost(heldEnd, ackedOffset(run), reason) : undefined;
  }
  const end = run.end ?? Number.POSITIVE_INFINITY;
  const here = Math.min(end, Math.max(o.logStartOffset, run.firstOffset));
  const isForeign = reason === 'hub-ahead' || reason === 'crc-mismatch';
  const first = isForeign ? Math.max(ackedOffset(run), here) : here;
  // Where the two disagree about just what was acknowledged, nothing can be compared later.
  const held = !isForeign ? hub : hub?.next === run.acked?.next ? undefined : run.acked;
  const parts: Run[] = [];
  if (held && held.next > run.firstOffset && held.next <= first) {
    const { next, crc } = held;
    parts.push({ ...run, end: Math.max(first, hub?.next ?? 0), acked: { next, crc }, isClosed: true });
  }
  if (first < end) parts.push({ producerId: o.producerId, firstOffset: first, end: run.end, acked: null });
  substitute(list, run, parts);
  if (lacksAll) list.heldFrom = first;
  return isForeign ? lost(ackedOffset(run), first, 'diverged') : lost(heldEnd, first, reason);
}

/**
 * Leaves out [from, to) of the run: it ends there, and what is behind is another run. The hub's position `hub` is `from`; it may have
 * acknowledged more once, and lost it.
 */
export function leaveOut(
  list: RunList,
  run: Run,
  { from, to }: Pick<LostRange, 'from' | 'to'>,
  { hub, producerId }: { hub: Position | undefined; producerId: number },
): void {
  const held = hub?.next ?? run.firstOffset;
  assert(held === from, `leaves out offset ${from} of a run that the hub has to ${held}`);
  const parts: Run[] = [];
  if (hub !== undefined && from > run.firstOffset) {
    const { next, crc } = hub;
    parts.push({ ...run, end: from, acked: { next, crc } });
  }
  if (run.end === null || to < run.end)
    parts.push({ producerId, firstOffset: to, end: run.end, acked: null });
  substitute(list, run, parts);
}

/** Forgets the oldest of the runs of which nothing is left here to compare with or to send again, but for `keep` of them. */
export function forgetRuns(list: RunList, logStartOffset: number, keep: number): void {
  const isPast = (run: Run) =>
    isDrained(run) && run.end !== null && (run.isClosed || run.end <= logStartOffset);
  let surplus = list.runs.filter(isPast).length - keep;
  list.runs = list.runs.filter((run) => !(isPast(run) && surplus-- > 0));
}

function substitute(list: RunList, run: Run, parts: Run[]): void {
  const index = list.runs.indexOf(run);
  assert(index >= 0, `run ${run.producerId} is none of this log`);
  list.runs = list.runs.toSpliced(index, 1, ...parts);
}

const lost = (from: number, to: number, reason: GapReason): LostRange | undefined =>
  from < to ? { from, to, reason } : undefined;
