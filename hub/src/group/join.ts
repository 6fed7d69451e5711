import type { ErrorName } from '@edgelog/wire';
import { endConsumerGroup } from './consumer/members.ts';
import {
  bytesOf,
  memberError,
  newMember,
  protocolsOf,
  sameProtocols,
  supportsProtocols,
  updateMember,
} from './membership.ts';
import { type JoinRequest, NAME_UNITS_MAX, type RequestContext, type Ticket } from './messages.ts';
import { admitMember, rebalance } from './rebalance.ts';
import { recordGroup } from './records/record-group.ts';
import { joinFailure, joinSuccess } from './responses.ts';
import { createGroup, type Group, type Member, type Protocols, type Shard } from './state.ts';
import { takeOverInstance } from './static-members.ts';
import type { Step } from './step.ts';

/** From this version a new dynamic member is first given its id and must come back with it [KIP-394]. */
const MEMBER_ID_REQUIRED_SINCE = 4;
const MEMBER_ID_PREFIX_MAX = 200;

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
  const { request, ticket } = event;
  const { memberId } = request;
  const known = shard.groups.get(request.groupId);
  const group = known ?? createGroup(request.groupId);
  const protocols = protocolsOf(request);
  const error = refusal(step, known, group, request, protocols);
  if (error !== undefined) {
    step.reply('join', ticket, joinFailure(error, error === 'GROUP_MAX_SIZE_REACHED' ? '' : memberId));
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

function refusal(
  step: Step,
  known: Group | undefined,
  group: Group,
  request: JoinRequest,
  protocols: Protocols,
): ErrorName | undefined {
  const { settings } = step;
  const { memberId, groupInstanceId, sessionTimeoutMs } = request;
  if (request.groupId === '' || request.groupId.length > NAME_UNITS_MAX) return 'INVALID_GROUP_ID';
  if (groupInstanceId !== null && groupInstanceId.length > NAME_UNITS_MAX) return 'INVALID_REQUEST';
  if (sessionTimeoutMs < settings.sessionTimeoutMinMs || sessionTimeoutMs > settings.sessionTimeoutMaxMs) {
    return 'INVALID_SESSION_TIMEOUT';
  }
  if ((known?.consumer?.members.size ?? 0) > 0) return 'INCONSISTENT_GROUP_PROTOCOL';
  if (!known && memberId !== '') return 'UNKNOWN_MEMBER_ID';
  if (isFull(step, group, memberId, groupInstanceId, bytesOf(protocols))) return 'GROUP_MAX_SIZE_REACHED';
  const names = [request.protocolType, ...protocols.keys()];
  if (names.some((name) => name.length > NAME_UNITS_MAX)) return 'INCONSISTENT_GROUP_PROTOCOL';
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
  const { group, request, context } = join;
  const { groupInstanceId } = request;
  const memberId = `${prefixOf(groupInstanceId ?? context.clientId ?? '')}-${join.uniqueId}`;
  if (groupInstanceId !== null) {
    const holder = group.staticMembers.get(groupInstanceId);
    if (holder !== undefined) takeOverInstance(step, join, group.members.get(holder)!, memberId);
    else admit(step, join, memberId);
  } else if (context.apiVersion >= MEMBER_ID_REQUIRED_SINCE) {
    const deadline = step.now.steadyMs + request.sessionTimeoutMs;
    group.pendingJoin.set(memberId, deadline);
    step.wake(group, deadline);
    step.reply('join', join.ticket, joinFailure('MEMBER_ID_REQUIRED', memberId));
  } else {
    admit(step, join, memberId);
  }
}

/** Long names are cut, so that the id fits wherever it is written. */
const prefixOf = (name: string) => name.slice(0, MEMBER_ID_PREFIX_MAX).toWellFormed();

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
