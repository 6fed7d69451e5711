import { ErrorCode, type ErrorName } from '@edgelog/wire';
import { heartbeatClassicMember, leavingClassicMember } from './consumer/classic-requests.ts';
import { fenceMembers } from './consumer/fence.ts';
import type { ConsumerState } from './consumer/state.ts';
import { expelMember, generationOf, giveUpMember, memberError, renewSession } from './membership.ts';
import type { HeartbeatRequest, LeaveRequest, RequestContext, Ticket } from './messages.ts';
import { completeJoinIfAll, onJoinTimer, onSyncDeadline, prepareRebalance } from './rebalance.ts';
import type { Group, Member, Shard } from './state.ts';
import type { Step } from './step.ts';

export interface HeartbeatEvent {
  readonly type: 'heartbeat';
  readonly groupId: string;
  readonly ticket: Ticket;
  readonly request: HeartbeatRequest;
}

export interface LeaveEvent {
  readonly type: 'leave';
  readonly groupId: string;
  readonly ticket: Ticket;
  readonly request: LeaveRequest;
  readonly context: RequestContext;
}

/** From this version one request takes several members out [KIP-345]. */
const MEMBER_LIST_SINCE = 3;

/** Heartbeat: keeps the session, and is how a member learns that it must rejoin. */
export function heartbeat(step: Step, shard: Shard, { request, ticket }: HeartbeatEvent): void {
  const error = heartbeatError(step, shard, request);
  step.reply('heartbeat', ticket, { throttleTimeMs: 0, errorCode: ErrorCode[error] });
}

function heartbeatError(step: Step, shard: Shard, request: HeartbeatRequest): ErrorName {
  const { groupId, memberId, groupInstanceId, generationId } = request;
  if (groupId === '') return 'INVALID_GROUP_ID';
  const group = shard.groups.get(groupId);
  if (!group) return 'UNKNOWN_MEMBER_ID';
  if (group.consumer) return heartbeatClassicMember(step, shard, group, group.consumer, request);
  const error = memberError(group, memberId, groupInstanceId);
  if (error !== undefined) return error;
  const member = group.members.get(memberId)!;
  if (generationId !== generationOf(group, member)) return 'ILLEGAL_GENERATION';
  renewSession(step, group, member);
  return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE';
}

/** LeaveGroup. An operator may name a static member by its instance id alone. */
export function leave(step: Step, shard: Shard, { request, ticket, context }: LeaveEvent): void {
  const asList = context.apiVersion >= MEMBER_LIST_SINCE;
  const leaving = asList ? request.members : [{ memberId: request.memberId, groupInstanceId: null }];
  if (request.groupId === '') {
    step.reply('leave', ticket, { throttleTimeMs: 0, errorCode: ErrorCode.INVALID_GROUP_ID });
    return;
  }
  const group = shard.groups.get(request.groupId);
  const members = group?.consumer
    ? leaveConsumerGroup(step, shard, group.groupId, group.consumer, leaving)
    : leaveClassicGroup(step, group, leaving);
  step.reply(
    'leave',
    ticket,
    asList
      ? { throttleTimeMs: 0, errorCode: ErrorCode.NONE, members }
      : { throttleTimeMs: 0, errorCode: members[0]!.errorCode },
  );
}

type Leaving = Pick<LeaveRequest['members'][number], 'memberId' | 'groupInstanceId'>;

function leaveClassicGroup(step: Step, group: Group | undefined, leaving: readonly Leaving[]) {
  const members = leaving.map(({ memberId, groupInstanceId }) => ({
    memberId,
    groupInstanceId,
    errorCode: ErrorCode[leaveOne(step, group, memberId, groupInstanceId)],
  }));
  if (group && members.some(({ errorCode }) => errorCode === ErrorCode.NONE)) membersLeft(step, group);
  return members;
}

function leaveConsumerGroup(
  step: Step,
  shard: Shard,
  groupId: string,
  consumer: ConsumerState,
  leaving: readonly Leaving[],
) {
  const gone = new Set<string>();
  const members = leaving.map(({ memberId, groupInstanceId }) => {
    const member = leavingClassicMember(consumer, { memberId, groupInstanceId });
    const error =
      typeof member === 'string' ? member : gone.has(member.memberId) ? 'UNKNOWN_MEMBER_ID' : 'NONE';
    if (typeof member !== 'string') gone.add(member.memberId);
    return { memberId, groupInstanceId, errorCode: ErrorCode[error] };
  });
  fenceMembers(step, shard, groupId, [...gone]);
  return members;
}

function leaveOne(
  step: Step,
  group: Group | undefined,
  memberId: string,
  groupInstanceId: string | null,
): ErrorName {
  if (!group) return 'UNKNOWN_MEMBER_ID';
  if (group.pendingJoin.delete(memberId)) return 'NONE';
  const named = memberId || (group.staticMembers.get(groupInstanceId ?? '') ?? '');
  const error = memberError(group, named, groupInstanceId);
  if (error !== undefined) return error;
  expelMember(step, group, group.members.get(named)!);
  return 'NONE';
}

/** A wake-up: every deadline of the group is looked at, and the next wake-up is asked for. One that was overtaken by an earlier is void. */
export function wakeGroup(step: Step, group: Group): void {
  const now = step.now.steadyMs;
  if (group.wakeAt > now) return;
  group.wakeAt = Number.POSITIVE_INFINITY;
  expirePendingJoins(group, now);
  expireSessions(step, group, now);
  if (group.joinTimer && group.joinTimer.at <= now) onJoinTimer(step, group, group.joinTimer);
  if (group.syncDeadline !== undefined && group.syncDeadline <= now) onSyncDeadline(step, group);
  step.wake(group, nextDeadline(group));
}

function expirePendingJoins(group: Group, now: number): void {
  for (const [memberId, deadline] of group.pendingJoin) {
    if (deadline <= now) group.pendingJoin.delete(memberId);
  }
}

function expireSessions(step: Step, group: Group, now: number): void {
  const expired: Member[] = [];
  for (const member of group.members.values()) {
    if (member.sessionDeadline > now) continue;
    const waits = member.awaitingJoin !== undefined || member.awaitingSync !== undefined;
    // While the coordinator owes it an answer, a member cannot be expected to heartbeat, except one that never was in.
    if (waits && !member.isNew) renewSession(step, group, member);
    else expired.push(member);
  }
  for (const member of expired) giveUpMember(step, group, member, 'session timeout');
  if (expired.length > 0) membersLeft(step, group);
  else completeJoinIfAll(step, group);
}

function membersLeft(step: Step, group: Group): void {
  if (group.state === 'Stable' || group.state === 'CompletingRebalance') prepareRebalance(step, group);
  else completeJoinIfAll(step, group);
}

function nextDeadline(group: Group): number {
  let next = Math.min(
    group.joinTimer?.at ?? Number.POSITIVE_INFINITY,
    group.syncDeadline ?? Number.POSITIVE_INFINITY,
  );
  for (const member of group.members.values()) next = Math.min(next, member.sessionDeadline);
  for (const deadline of group.pendingJoin.values()) next = Math.min(next, deadline);
  return next;
}
