import type { CompactionPolicy } from './types.ts';

/**
 * What compaction has done to a partition, oldest first: at `cleanedAt` everything below `endOffset` had been compacted for
 * the first time. The last step says how far the log is compacted; earlier ones are kept while there are tombstones between.
 */
export interface CompactionStep {
  readonly endOffset: number;
  /** Epoch milliseconds. */
  readonly cleanedAt: number;
  /** Whether there were tombstones between the step before and this one. */
  readonly hasTombstones: boolean;
}

/** Steps remembered of one partition. */
const STEPS_MAX = 64;

/** What decides whether a record survives. */
export interface RecordFacts {
  readonly offset: number;
  readonly hasKey: boolean;
  readonly isTombstone: boolean;
}

/**
 * Whether compaction keeps the record: the latest of its key stays, a tombstone as long as it may be needed. A record
 * without a key (a gateway's, or from before the topic was compacted) is no version of anything and stays.
 * `latest` is the latest offset known of its key, −1 where none is.
 */
export function survives(
  { offset, hasKey, isTombstone }: RecordFacts,
  latest: number,
  tombstonesGoneBelow: number,
): boolean {
  if (!hasKey) return true;
  if (latest > offset) return false;
  return !isTombstone || offset >= tombstonesGoneBelow;
}

/** How far the log is compacted. */
export function compactedTo(steps: readonly CompactionStep[]): number {
  return steps.at(-1)?.endOffset ?? 0;
}

/** Tombstones below this were compacted so long ago that whoever reads the log has seen them. */
export function tombstonesGoneBelow(
  steps: readonly CompactionStep[],
  { deleteRetentionMs }: Pick<CompactionPolicy, 'deleteRetentionMs'>,
  now: number,
): number {
  return steps.findLast(({ cleanedAt }) => now - cleanedAt >= deleteRetentionMs)?.endOffset ?? 0;
}

/** What a pass over the log, from its start to `endOffset`, found and left. */
export interface Pass {
  readonly endOffset: number;
  readonly now: number;
  /** Offsets of tombstones that it left and that can go later: at least one of each step that has any. */
  readonly tombstones: readonly number[];
}

/** The steps after a pass. Where they become too many, tombstones of two neighbours go with the later one. */
export function stepsAfter(steps: readonly CompactionStep[], pass: Pass): CompactionStep[] {
  const { endOffset, now, tombstones } = pass;
  const isNews = endOffset > compactedTo(steps);
  const all = isNews ? [...steps, { endOffset, cleanedAt: now, hasTombstones: false }] : steps;
  let from = 0;
  const after = all.map((step) => {
    const hasTombstones = tombstones.some((offset) => offset >= from && offset < step.endOffset);
    from = step.endOffset;
    return { ...step, hasTombstones };
  });
  const kept = after.filter(({ hasTombstones }, index) => hasTombstones || index === after.length - 1);
  while (kept.length > STEPS_MAX) kept.splice(closestPair(kept), 1);
  return kept;
}

/** The steps of a log that was truncated to `endOffset`. */
export function stepsBelow(steps: readonly CompactionStep[], endOffset: number): CompactionStep[] {
  const kept = steps.filter((step) => step.endOffset <= endOffset);
  const cut = steps[kept.length];
  if (cut !== undefined && compactedTo(kept) < endOffset) kept.push({ ...cut, endOffset });
  return kept;
}

/** Index of the step that was soonest followed by another. */
function closestPair(steps: readonly CompactionStep[]): number {
  let closest = 0;
  const gap = (index: number) => steps[index + 1]!.cleanedAt - steps[index]!.cleanedAt;
  for (let index = 1; index + 1 < steps.length; index++) if (gap(index) < gap(closest)) closest = index;
  return closest;
}

/** What a partition holds that compaction may touch. */
export interface Compactable {
  /** Bytes below and above the place up to which it was compacted. */
  readonly cleanBytes: number;
  readonly dirtyBytes: number;
  /** When the oldest of the dirty records was appended. */
  readonly dirtySince: number;
}

/** Whether there is so much, or something so old, to compact that a pass is due. */
export function isDirtyEnough(
  { cleanBytes, dirtyBytes, dirtySince }: Compactable,
  { dirtyRatioMin, maxLagMs }: Pick<CompactionPolicy, 'dirtyRatioMin' | 'maxLagMs'>,
  now: number,
): boolean {
  if (dirtyBytes === 0) return false;
  return dirtyBytes / (cleanBytes + dirtyBytes) > dirtyRatioMin || now - dirtySince > maxLagMs;
}

/** Whether a pass would find tombstones to remove. */
export function hasTombstonesDue(steps: readonly CompactionStep[], goneBelow: number): boolean {
  return steps.some(({ endOffset, hasTombstones }) => hasTombstones && endOffset <= goneBelow);
}
