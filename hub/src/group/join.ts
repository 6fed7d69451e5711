import type { ErrorName } from '@edgelog/wire';
import { joinConsumerGroup, refusedClassicJoin, yieldsTo } from './consumer/classic-join.ts';
import { endConsumerGroup } from './consumer/members.ts';
import {
  bytesOf,
  memberError,
  newMember,
  newMemberId,
  protocolsOf,
  requiresMemberId,
  sameProtocols,
  supportsProtocols,
  updateMember,
} from './membership.ts';
import { type JoinRequest, NAME_UNITS_MAX, type RequestContext, type Ticket } from './messages.ts';
import { admitMember, rebalance } from './rebalance.ts';
import { recordGroup } from './records/record-group.ts';
import { joinFailure, joinSuccess } from './responses.ts';
import type { GroupSettings } from './settings.ts';
import { createGroup, type Group, type Member, type Protocols, type Shard } from './state.ts';
import { takeOverInstance } from './static-members.ts';
import type { Step } from './step.ts';

export interface JoinEvent {
  readonly type: 'join';
  readonly groupId: string;
  readonly ticket: Ticket;
  readonly request: JoinRequest;
  readonly context: RequestContext;
  /** Drawn by the shell: makes the id of a new member. */
  readonly uniqueId: string;
}

/** What the branches below work on: a join that passed the first checks. */
export interface Join extends JoinEvent {
  readonly group: Group;
  readonly protocols: Protocols;
}

/** JoinGroup. The answer comes at once for an error or when nothing changes, else when the join phase ends. */
export function join(step: Step, shard: Shard, event: JoinEvent): void {
  const invalid = invalidJoin(event.request, step.settings);
  if (invalid !== undefined) {
    refuse(step, event, invalid);
    return;
  }
  const protocols = protocolsOf(event.request);
  const consumer = shard.groups.get(event.groupId)?.consumer;
  if (consumer === undefined || consumer.members.size === 0) {
    joinClassicGroup(step, shard, event, protocols);
    return;
  }
  const classicJoin = { ...event, consumer, protocols };
  const refused = refusedClassicJoin(classicJoin, step.settings);
  if (refused !== undefined) refuse(step, event, refused);
  else if (yieldsTo(step, shard, classicJoin)) joinClassicGroup(step, shard, event, protocols);
  else joinConsumerGroup(step, shard, classicJoin);
}

function joinClassicGroup(step: Step, shard: Shard, event: JoinEvent, protocols: Protocols): void {
  const { request } = event;
  const { memberId } = request;
  const known = shard.groups.get(request.groupId);
  const group = known ?? createGroup(request.groupId);
  const error = refusal(step, known, group, request, protocols);
  if (error !== undefined) {
    refuse(step, event, error);
    return;
  }
  if (known) endConsumerGroup(step, shard, known);
  shard.groups.set(group.groupId, group);
  // A group is on record from its beginning, so that every coordinator that takes over knows it.
  if (group.recorded === undefined) recordGroup(step, group);
  const accepted: Join = { ...event, group, protocols };
  if (memberId === '') joinAsNewcomer(step, accepted);
  else if (group.pendingJoin.has(memberId)) admit(step, accepted, memberId);
  else rejoin(step, accepted, group.members.get(memberId)!);
}

function refuse(step: Step, { request, ticket }: JoinEvent, error: ErrorName): void {
  const { memberId } = request;
  step.reply('join', ticket, joinFailure(error, error === 'GROUP_MAX_SIZE_REACHED' ? '' : memberId));
}

/** What is wrong with the request whatever the group. */
function invalidJoin(request: JoinRequest, settings: GroupSettings): ErrorName | undefined {
  const { groupId, groupInstanceId, sessionTimeoutMs, memberId } = request;
  if (groupId === '' || groupId.length > NAME_UNITS_MAX) return 'INVALID_GROUP_ID';
  if (groupInstanceId !== null && groupInstanceId.length > NAME_UNITS_MAX) return 'INVALID_REQUEST';
  if (sessionTimeoutMs < settings.sessionTimeoutMinMs || sessionTimeoutMs > settings.sessionTimeoutMaxMs) {
    return 'INVALID_SESSION_TIMEOUT';
  }
  const names = [request.protocolType, ...request.protocols.map(({ name }) => name)];
  if (names.some((name) => name.length > NAME_UNITS_MAX)) return 'INCONSISTENT_GROUP_PROTOCOL';
  return memberId.length > NAME_UNITS_MAX ? 'UNKNOWN_MEMBER_ID' : undefined;
}

function refusal(
  step: Step,
  known: Group | undefined,
  group: Group,
  request: JoinRequest,
  protocols: Protocols,
): ErrorName | undefined {
  const { memberId, groupInstanceId } = request;
  if (!known && memberId !== '') return 'UNKNOWN_MEMBER_ID';
  if (isFull(step, group, memberId, groupInstanceId, bytesOf(protocols))) return 'GROUP_MAX_SIZE_REACHED';
  if (!supportsProtocols(group, request.protocolType, protocols)) return 'INCONSISTENT_GROUP_PROTOCOL';
  if (memberId === '') return undefined;
  if (group.pendingJoin.has(memberId)) return groupInstanceId === null ? undefined : 'UNKNOWN_MEMBER_ID';
  return memberError(group, memberId, groupInstanceId);
}

/**
 * Members and handed-out ids together stay below the bound. Whoever holds a place may come back, except that of an
 * oversized group (the bound was lowered) only so many as the bound allows are let into the next generation.
 */
function isFull(
  step: Step,
  group: Group,
  memberId: string,
  groupInstanceId: string | null,
  bytes: number,
): boolean {
  const { membersMax, groupMetadataBytesMax } = step.settings;
  const holder = group.members.get(memberId || (group.staticMembers.get(groupInstanceId ?? '') ?? ''));
  const held = holder ? bytesOf(holder.protocols) : 0;
  if (group.metadataBytes - held + bytes > groupMetadataBytesMax) return true;
  if (holder) {
    const waits = group.state !== 'PreparingRebalance' || holder.awaitingJoin !== undefined;
    return !waits && group.awaitingJoinCount >= membersMax;
  }
  return !group.pendingJoin.has(memberId) && group.members.size + group.pendingJoin.size >= membersMax;
}

function joinAsNewcomer(step: Step, join: Join): void {
  const { group, request } = join;
  const { groupInstanceId } = request;
  const memberId = newMemberId(join);
  if (groupInstanceId !== null) {
    const holder = group.staticMembers.get(groupInstanceId);
    if (holder !== undefined) takeOverInstance(step, join, group.members.get(holder)!, memberId);
    else admit(step, join, memberId);
  } else if (requiresMemberId(join)) {
    const deadline = step.now.steadyMs + request.sessionTimeoutMs;
    group.pendingJoin.set(memberId, deadline);
    step.wake(group, deadline);
    step.reply('join', join.ticket, joinFailure('MEMBER_ID_REQUIRED', memberId));
  } else {
    admit(step, join, memberId);
  }
}

function admit(step: Step, { group, request, context, protocols, ticket }: Join, memberId: string): void {
  const member = newMember(memberId, request, context, protocols);
  member.awaitingJoin = ticket;
  admitMember(step, group, member, request.protocolType);
}

/** A member that lost its answer gets it again; one that changed, or the leader of a stable group, starts a rebalance. */
function rejoin(step: Step, { group, request, protocols, ticket }: Join, member: Member): void {
  const unchanged = sameProtocols(member.protocols, protocols);
  const isLeader = group.leaderId === member.memberId;
  const answered =
    (group.state === 'CompletingRebalance' && unchanged) ||
    (group.state === 'Stable' && unchanged && !isLeader);
  if (answered) {
    step.reply('join', ticket, joinSuccess(group, member.memberId));
    return;
  }
  updateMember(step, group, member, request, protocols, ticket);
  rebalance(step, group);
}
