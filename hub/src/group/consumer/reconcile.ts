import { type Assignment, fromSets, NOTHING, overlaps, partitionsOf } from './assignment.ts';
import { type Current, isReconciled, MemberState } from './state.ts';

export interface Target {
  readonly epoch: number;
  readonly assignment: Assignment;
  /** Whether no member has the partition, or still has to give it up. */
  readonly isFree: (topicId: string, partition: number) => boolean;
}

/**
 * The next step of a member towards its target [KIP-848]: it first gives up what it must not keep, and comes to the target's
 * epoch only when it has; what others still hold it gets later. `owned` is what the member says it has, null when it does not say.
 */
export function reconcile(current: Current, target: Target, owned: Assignment | null): Current {
  if (isReconciled(current, target.epoch)) return current;
  if (current.state !== MemberState.unrevoked) return next(current, current.memberEpoch, target, owned);
  if (owned === null || overlaps(owned, current.pendingRevocation)) return current;
  return next(current, current.memberEpoch + 1, target, owned);
}

function next(current: Current, memberEpoch: number, target: Target, owned: Assignment | null): Current {
  const kept = new Map<string, Set<number>>();
  const revoked = new Map<string, Set<number>>();
  const wanted = new Set<string>();
  for (const [topicId, partition] of partitionsOf(target.assignment)) wanted.add(`${topicId}-${partition}`);
  for (const [topicId, partition] of partitionsOf(current.assigned)) {
    add(wanted.delete(`${topicId}-${partition}`) ? kept : revoked, topicId, partition);
  }
  const previousMemberEpoch = current.memberEpoch;
  const pendingRevocation = fromSets(revoked);
  if (pendingRevocation.size > 0 && (owned === null || overlaps(owned, pendingRevocation))) {
    const state = MemberState.unrevoked;
    return { memberEpoch, previousMemberEpoch, state, assigned: fromSets(kept), pendingRevocation };
  }
  let state: number = MemberState.stable;
  for (const [topicId, partition] of partitionsOf(target.assignment)) {
    if (!wanted.has(`${topicId}-${partition}`)) continue;
    if (target.isFree(topicId, partition)) add(kept, topicId, partition);
    else state = MemberState.unreleased;
  }
  return {
    memberEpoch: target.epoch,
    previousMemberEpoch,
    state,
    assigned: fromSets(kept),
    pendingRevocation: NOTHING,
  };
}

function add(sets: Map<string, Set<number>>, topicId: string, partition: number): void {
  sets.set(topicId, (sets.get(topicId) ?? new Set()).add(partition));
}
