import type { ErrorName } from '@edgelog/wire';
import type { HeartbeatRequest, LeaveRequest, SyncRequest } from '../messages.ts';
import { syncFailure } from '../responses.ts';
import type { Group, Shard } from '../state.ts';
import type { Step } from '../step.ts';
import type { SyncEvent } from '../sync.ts';
import { NOTHING, partitionsOf } from './assignment.ts';
import { assignmentFor, CONSUMER_PROTOCOL } from './classic-member.ts';
import { type ConsumerMember, type ConsumerState, isClassic, MemberState } from './state.ts';
import { updateEpoch } from './turn.ts';

/** Heartbeat of a classic member: it must join again when its target is another, or has become free. */
export function heartbeatClassicMember(
  step: Step,
  shard: Shard,
  group: Group,
  consumer: ConsumerState,
  request: HeartbeatRequest,
): ErrorName {
  const { groupId } = group;
  const member = classicMember(consumer, request);
  if (typeof member === 'string') return member;
  if (request.generationId !== member.current.memberEpoch) return 'ILLEGAL_GENERATION';
  updateEpoch(step, shard, groupId, consumer, false);
  renewSession(step, group, member);
  if (!mustRejoin(consumer, member)) return 'NONE';
  expectJoin(step, group, member);
  return 'REBALANCE_IN_PROGRESS';
}

function mustRejoin(consumer: ConsumerState, member: ConsumerMember): boolean {
  const { memberEpoch, state } = member.current;
  if (memberEpoch < consumer.epoch || state === MemberState.unrevoked) return true;
  return state === MemberState.unreleased && !waitsForOthers(consumer, member);
}

function waitsForOthers({ targets, owners }: ConsumerState, { memberId }: ConsumerMember): boolean {
  for (const [topicId, partition] of partitionsOf(targets.get(memberId) ?? NOTHING)) {
    const owner = owners.get(topicId)?.get(partition);
    if (owner !== undefined && owner !== memberId) return true;
  }
  return false;
}

/** SyncGroup of a classic member: what it has now. Answered at once. */
export function syncClassicMember(
  step: Step,
  group: Group,
  consumer: ConsumerState,
  { request, ticket }: SyncEvent,
): void {
  const { protocolType, protocolName } = request;
  const member = classicMember(consumer, request);
  const error = typeof member === 'string' ? member : syncError(step, group, consumer, member, request);
  if (typeof member === 'string' || error !== undefined) {
    step.reply('sync', ticket, syncFailure(error ?? 'UNKNOWN_MEMBER_ID'));
    return;
  }
  member.rebalanceDeadline = Number.POSITIVE_INFINITY;
  renewSession(step, group, member);
  const { assigned } = member.current;
  const assignment = assignmentFor(member.said.classicMemberMetadata!, assigned, step.topics);
  step.reply('sync', ticket, { ...syncFailure('NONE'), protocolType, protocolName, assignment });
}

function syncError(
  step: Step,
  group: Group,
  { epoch }: ConsumerState,
  member: ConsumerMember,
  { generationId, protocolType, protocolName }: SyncRequest,
): ErrorName | undefined {
  const { memberEpoch, state } = member.current;
  if (generationId !== memberEpoch) return 'ILLEGAL_GENERATION';
  if (protocolType !== null && protocolType !== CONSUMER_PROTOCOL) return 'INCONSISTENT_GROUP_PROTOCOL';
  const chosen = member.said.classicMemberMetadata!.supportedProtocols[0]!.name;
  if (protocolName !== null && protocolName !== chosen) return 'INCONSISTENT_GROUP_PROTOCOL';
  // One that has to give up partitions has joined already, and is told which to keep.
  if (epoch === memberEpoch || state === MemberState.unrevoked) return undefined;
  expectJoin(step, group, member);
  return 'REBALANCE_IN_PROGRESS';
}

/** Which member one entry of a LeaveGroup means. An operator may name a static member by its instance id alone. */
export function leavingClassicMember(
  consumer: ConsumerState,
  { memberId, groupInstanceId }: Pick<LeaveRequest['members'][number], 'memberId' | 'groupInstanceId'>,
): ConsumerMember | ErrorName {
  const named = memberId || (consumer.staticMembers.get(groupInstanceId ?? '') ?? '');
  return classicMember(consumer, { memberId: named, groupInstanceId });
}

function classicMember(
  { members, staticMembers }: ConsumerState,
  { memberId, groupInstanceId }: { memberId: string; groupInstanceId: string | null },
): ConsumerMember | ErrorName {
  const owner = groupInstanceId === null ? memberId : staticMembers.get(groupInstanceId);
  if (owner !== undefined && owner !== memberId) return 'FENCED_INSTANCE_ID';
  const member = members.get(owner ?? '');
  return member && isClassic(member) ? member : 'UNKNOWN_MEMBER_ID';
}

function renewSession(step: Step, group: Group, member: ConsumerMember): void {
  member.sessionDeadline = step.now.steadyMs + member.said.classicMemberMetadata!.sessionTimeoutMs;
  step.wake(group, member.sessionDeadline);
}

/** From the first time that it is told, a member has its rebalance timeout to join. */
function expectJoin(step: Step, group: Group, member: ConsumerMember): void {
  member.rebalanceDeadline = Math.min(
    member.rebalanceDeadline,
    step.now.steadyMs + member.said.rebalanceTimeoutMs,
  );
  step.wake(group, member.rebalanceDeadline);
}
