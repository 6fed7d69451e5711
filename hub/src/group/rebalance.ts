import type { ErrorName } from '@edgelog/wire';
import {
  addMember,
  allJoined,
  enterState,
  failSync,
  giveUpMember,
  rebalanceTimeoutMs,
  renewSession,
  selectProtocol,
  takeJoinTicket,
} from './membership.ts';
import { recordGroup } from './records/record-group.ts';
import { joinSuccess, syncSuccess } from './responses.ts';
import type { Group, JoinTimer, Member } from './state.ts';
import type { Step } from './step.ts';

/** A member came or changed: start a join phase, or see whether the one that runs is complete. */
export function rebalance(step: Step, group: Group): void {
  if (group.state === 'PreparingRebalance') completeJoinIfAll(step, group);
  else prepareRebalance(step, group);
}

/**
 * Opens the join phase. Members learn of it by REBALANCE_IN_PROGRESS. A group that was empty first waits a moment for
 * more members, at most the rebalance timeout, so that a starting fleet gets one generation and not many [KIP-134].
 */
export function prepareRebalance(step: Step, group: Group): void {
  if (group.state === 'CompletingRebalance') dropAssignments(step, group, 'REBALANCE_IN_PROGRESS');
  clearPendingSync(group);
  const initial = group.state === 'Empty';
  enterState(step, group, 'PreparingRebalance');
  if (initial) {
    const delayMs = step.settings.initialRebalanceDelayMs;
    const remainingMs = Math.max(rebalanceTimeoutMs(group) - delayMs, 0);
    setJoinTimer(step, group, { kind: 'initial', at: step.now.steadyMs + delayMs, delayMs, remainingMs });
  } else if (allJoined(group)) {
    completeJoin(step, group);
  } else {
    setRebalanceTimer(step, group);
  }
}

/** Ends the join phase early when everybody is there, but never the wait of a group that was empty. */
export function completeJoinIfAll(step: Step, group: Group): void {
  if (group.state !== 'PreparingRebalance' || group.joinTimer?.kind === 'initial') return;
  if (allJoined(group)) completeJoin(step, group);
}

/** The join phase's time is up. */
export function onJoinTimer(step: Step, group: Group, timer: JoinTimer): void {
  if (timer.kind === 'initial' && group.newMemberAdded && timer.remainingMs > 0) {
    group.newMemberAdded = false;
    const delayMs = Math.min(step.settings.initialRebalanceDelayMs, timer.remainingMs);
    const remainingMs = Math.max(timer.remainingMs - timer.delayMs, 0);
    setJoinTimer(step, group, { kind: 'initial', at: step.now.steadyMs + delayMs, delayMs, remainingMs });
  } else {
    completeJoin(step, group);
  }
}

/** Members of this generation that never asked for their assignment are given up. */
export function onSyncDeadline(step: Step, group: Group): void {
  const missing = [...group.pendingSync];
  group.syncDeadline = undefined;
  if (missing.length === 0) return;
  for (const memberId of missing)
    giveUpMember(step, group, group.members.get(memberId)!, 'rebalance timeout');
  prepareRebalance(step, group);
}

/** The member has asked for its assignment. */
export function syncReceived(group: Group, memberId: string): void {
  group.pendingSync.delete(memberId);
  if (group.pendingSync.size === 0) group.syncDeadline = undefined;
}

/** The leader's decision: recorded, and given to all who wait. Members it forgot get an empty assignment. */
export function assign(step: Step, group: Group, assignments: ReadonlyMap<string, Buffer>): void {
  for (const member of group.members.values()) {
    member.assignment = assignments.get(member.memberId) ?? Buffer.alloc(0);
  }
  enterState(step, group, 'Stable');
  recordGroup(step, group);
  for (const member of group.members.values()) {
    const ticket = member.awaitingSync;
    if (ticket === undefined) continue;
    member.awaitingSync = undefined;
    step.reply('sync', ticket, syncSuccess(group, member));
    renewSession(step, group, member);
  }
}

/** The assignment under way is void: all who wait for it are told why. */
export function dropAssignments(step: Step, group: Group, error: ErrorName): void {
  for (const member of group.members.values()) {
    member.assignment = Buffer.alloc(0);
    if (member.awaitingSync === undefined) continue;
    failSync(step, member, error);
    renewSession(step, group, member);
  }
}

/** A new member waits for the coming generation; until then its session is long, since it cannot heartbeat. */
export function admitMember(step: Step, group: Group, member: Member, protocolType: string): void {
  if (group.members.size === 0) group.protocolType = protocolType;
  if (group.joinTimer?.kind === 'initial') group.newMemberAdded = true;
  addMember(group, member);
  renewSession(step, group, member, step.settings.newMemberJoinTimeoutMs);
  rebalance(step, group);
}

/** Closes the join phase: who did not come is out (static members keep their place), the next generation begins. */
function completeJoin(step: Step, group: Group): void {
  group.joinTimer = undefined;
  for (const member of [...group.members.values()]) {
    if (member.awaitingJoin === undefined && member.groupInstanceId === null)
      giveUpMember(step, group, member, 'rebalance timeout');
  }
  if (group.members.size > 0 && !electLeader(group)) {
    setRebalanceTimer(step, group);
    return;
  }
  group.generationId++;
  group.newMemberAdded = false;
  clearPendingSync(group);
  if (group.members.size === 0) {
    group.protocolName = null;
    enterState(step, group, 'Empty');
    recordGroup(step, group);
    return;
  }
  group.protocolName = selectProtocol(group);
  enterState(step, group, 'CompletingRebalance');
  for (const member of group.members.values()) {
    const ticket = takeJoinTicket(group, member);
    if (ticket !== undefined) step.reply('join', ticket, joinSuccess(group, member.memberId));
    member.isNew = false;
    member.knownGeneration = undefined;
    renewSession(step, group, member);
    group.pendingSync.add(member.memberId);
  }
  group.syncDeadline = step.now.steadyMs + rebalanceTimeoutMs(group);
  step.wake(group, group.syncDeadline);
}

/** The leader stays if it came; else the first that came leads. False when nobody came. */
function electLeader(group: Group): boolean {
  const leader = group.members.get(group.leaderId ?? '');
  if (leader?.awaitingJoin !== undefined) return true;
  for (const member of group.members.values()) {
    if (member.awaitingJoin === undefined) continue;
    group.leaderId = member.memberId;
    return true;
  }
  return false;
}

function clearPendingSync(group: Group): void {
  group.pendingSync.clear();
  group.syncDeadline = undefined;
}

function setRebalanceTimer(step: Step, group: Group): void {
  setJoinTimer(step, group, { kind: 'rebalance', at: step.now.steadyMs + rebalanceTimeoutMs(group) });
}

function setJoinTimer(step: Step, group: Group, timer: JoinTimer): void {
  group.joinTimer = timer;
  step.wake(group, timer.at);
}
