import { assert } from '@edgelog/base';
import type { JoinEvent } from './join.ts';
import { type JoinRequest, NAME_UNITS_MAX, type RequestContext, type Ticket } from './messages.ts';
import { joinFailure, syncFailure } from './responses.ts';
import type { Group, GroupState, Member, Protocols } from './state.ts';
import type { RemovalReason, Step } from './step.ts';

export type MemberError = 'UNKNOWN_MEMBER_ID' | 'FENCED_INSTANCE_ID';

/**
 * Copied out of the request's frame, which must not stay in memory as long as the member does. Of a name given twice the
 * first counts.
 */
export function protocolsOf(request: JoinRequest): Protocols {
  const protocols = new Map<string, Buffer>();
  for (const { name, metadata } of request.protocols) {
    if (!protocols.has(name)) protocols.set(name, Buffer.from(metadata));
  }
  return protocols;
}

export function bytesOf(protocols: Protocols): number {
  let sum = 0;
  for (const [name, metadata] of protocols) sum += name.length + metadata.length;
  return sum;
}

/** Same protocols, in the same order of preference, with the same metadata. */
export function sameProtocols(a: Protocols, b: Protocols): boolean {
  if (a.size !== b.size) return false;
  const others = b.entries();
  for (const [name, metadata] of a) {
    const [otherName, otherMetadata] = others.next().value!;
    if (name !== otherName || !metadata.equals(otherMetadata)) return false;
  }
  return true;
}

/** Whether a member with these protocols could belong: the same type, and one protocol that everybody has. */
export function supportsProtocols(group: Group, protocolType: string, protocols: Protocols): boolean {
  if (group.state === 'Empty') return protocolType !== '' && protocols.size > 0;
  if (group.protocolType !== protocolType) return false;
  for (const name of protocols.keys()) {
    if ((group.protocolCounts.get(name) ?? 0) === group.members.size) return true;
  }
  return false;
}

/** Each member votes for the protocol it likes best among those that everybody has; most votes win. */
export function selectProtocol(group: Group): string {
  const votes = new Map<string, number>();
  for (const { protocols } of group.members.values()) {
    for (const name of protocols.keys()) {
      if (group.protocolCounts.get(name) !== group.members.size) continue;
      votes.set(name, (votes.get(name) ?? 0) + 1);
      break;
    }
  }
  let winner: string | undefined;
  for (const [name, count] of votes) {
    if (winner === undefined || count > votes.get(winner)!) winner = name;
  }
  assert(winner !== undefined, `members of group ${group.groupId} have no protocol in common`);
  return winner;
}

/** Kafka clients before v1 of JoinGroup, and odd ones, give no rebalance timeout. */
export const rebalanceTimeoutOf = (request: JoinRequest) =>
  request.rebalanceTimeoutMs > 0 ? request.rebalanceTimeoutMs : request.sessionTimeoutMs;

/** From this version a new dynamic member is first given its id and must come back with it [KIP-394]. */
const MEMBER_ID_REQUIRED_SINCE = 4;
const MEMBER_ID_PREFIX_MAX = 200;

export const requiresMemberId = ({ request, context }: JoinEvent) =>
  request.memberId === '' &&
  request.groupInstanceId === null &&
  context.apiVersion >= MEMBER_ID_REQUIRED_SINCE;

/** For a member that comes without one. Long names are cut, so that the id fits wherever it is written. */
export function newMemberId({ request, context, uniqueId }: JoinEvent): string {
  const name = request.groupInstanceId ?? context.clientId ?? '';
  return `${name.slice(0, MEMBER_ID_PREFIX_MAX).toWellFormed()}-${uniqueId}`;
}

export function newMember(
  memberId: string,
  request: JoinRequest,
  context: RequestContext,
  protocols: Protocols,
): Member {
  return {
    memberId,
    groupInstanceId: request.groupInstanceId,
    clientId: (context.clientId ?? '').slice(0, NAME_UNITS_MAX),
    clientHost: context.clientHost,
    rebalanceTimeoutMs: rebalanceTimeoutOf(request),
    sessionTimeoutMs: request.sessionTimeoutMs,
    protocols,
    assignment: Buffer.alloc(0),
    sessionDeadline: Number.POSITIVE_INFINITY,
    knownGeneration: undefined,
    isNew: true,
    awaitingJoin: undefined,
    awaitingSync: undefined,
  };
}

export function addMember(group: Group, member: Member): void {
  assert(!group.members.has(member.memberId), `member ${member.memberId} is in ${group.groupId} already`);
  if (member.groupInstanceId !== null) {
    assert(
      !group.staticMembers.has(member.groupInstanceId),
      `instance ${member.groupInstanceId} is in ${group.groupId} already`,
    );
    group.staticMembers.set(member.groupInstanceId, member.memberId);
  }
  group.members.set(member.memberId, member);
  group.pendingJoin.delete(member.memberId);
  group.leaderId ??= member.memberId;
  if (member.awaitingJoin !== undefined) group.awaitingJoinCount++;
  countProtocols(group, member.protocols, 1);
}

/** Takes the member out; whoever leads next is the oldest that stays. Its waiting requests must have been answered. */
export function removeMember(group: Group, member: Member): void {
  assert(
    member.awaitingJoin === undefined && member.awaitingSync === undefined,
    'a removed member still waits',
  );
  group.members.delete(member.memberId);
  group.pendingSync.delete(member.memberId);
  if (member.groupInstanceId !== null) group.staticMembers.delete(member.groupInstanceId);
  countProtocols(group, member.protocols, -1);
  if (group.leaderId === member.memberId) group.leaderId = group.members.keys().next().value ?? null;
}

/** A rejoin: what the member offers now, and the request that waits. */
export function updateMember(
  step: Step,
  group: Group,
  member: Member,
  request: JoinRequest,
  protocols: Protocols,
  ticket: Ticket,
): void {
  countProtocols(group, member.protocols, -1);
  member.protocols = protocols;
  countProtocols(group, protocols, 1);
  member.rebalanceTimeoutMs = rebalanceTimeoutOf(request);
  member.sessionTimeoutMs = request.sessionTimeoutMs;
  awaitJoin(step, group, member, ticket);
}

/** A second request of the same member takes the place of the one that waits: its connection was lost, most likely. */
function awaitJoin(step: Step, group: Group, member: Member, ticket: Ticket): void {
  failJoin(step, group, member, 'REBALANCE_IN_PROGRESS');
  member.awaitingJoin = ticket;
  group.awaitingJoinCount++;
}

export function takeJoinTicket(group: Group, member: Member): Ticket | undefined {
  const ticket = member.awaitingJoin;
  if (ticket !== undefined) group.awaitingJoinCount--;
  member.awaitingJoin = undefined;
  return ticket;
}

export function failJoin(
  step: Step,
  group: Group,
  member: Member,
  error: Parameters<typeof joinFailure>[0],
): void {
  const ticket = takeJoinTicket(group, member);
  if (ticket !== undefined) step.reply('join', ticket, joinFailure(error, member.memberId));
}

export function failSync(step: Step, member: Member, error: Parameters<typeof syncFailure>[0]): void {
  const ticket = member.awaitingSync;
  member.awaitingSync = undefined;
  if (ticket !== undefined) step.reply('sync', ticket, syncFailure(error));
}

/** Removes the member and tells whatever request of it still waits. */
export function expelMember(step: Step, group: Group, member: Member): void {
  failJoin(step, group, member, 'UNKNOWN_MEMBER_ID');
  failSync(step, member, 'UNKNOWN_MEMBER_ID');
  removeMember(group, member);
}

/** Expels a member that was not heard of in time. */
export function giveUpMember(step: Step, group: Group, member: Member, reason: RemovalReason): void {
  const { memberId, clientId, clientHost, sessionTimeoutMs } = member;
  const timeoutMs = reason === 'session timeout' ? sessionTimeoutMs : rebalanceTimeoutMs(group);
  step.removals.push({ groupId: group.groupId, memberId, clientId, clientHost, reason, timeoutMs });
  expelMember(step, group, member);
}

/** An instance id must be known and belong to that very member: an older holder of it is fenced. */
export function memberError(
  group: Group,
  memberId: string,
  groupInstanceId: string | null,
): MemberError | undefined {
  if (groupInstanceId !== null) {
    const holder = group.staticMembers.get(groupInstanceId);
    if (holder === undefined) return 'UNKNOWN_MEMBER_ID';
    if (holder !== memberId) return 'FENCED_INSTANCE_ID';
  }
  return group.members.has(memberId) ? undefined : 'UNKNOWN_MEMBER_ID';
}

/** The generation in which the member speaks. */
export const generationOf = (group: Group, member: Member) => member.knownGeneration ?? group.generationId;

/** Counts the member's session from now. */
export function renewSession(
  step: Step,
  group: Group,
  member: Member,
  timeoutMs = member.sessionTimeoutMs,
): void {
  member.sessionDeadline = step.now.steadyMs + timeoutMs;
  step.wake(group, member.sessionDeadline);
}

/** The group's rebalance timeout is that of its slowest member. */
export function rebalanceTimeoutMs(group: Group): number {
  let max = 0;
  for (const member of group.members.values()) max = Math.max(max, member.rebalanceTimeoutMs);
  return max;
}

export const allJoined = (group: Group) =>
  group.awaitingJoinCount === group.members.size && group.pendingJoin.size === 0;

export function enterState(step: Step, group: Group, state: GroupState): void {
  group.previousState = group.state;
  group.state = state;
  group.stateTimestamp = step.now.wallMs;
}

function countProtocols(group: Group, protocols: Protocols, by: 1 | -1): void {
  for (const name of protocols.keys()) {
    const count = (group.protocolCounts.get(name) ?? 0) + by;
    if (count === 0) group.protocolCounts.delete(name);
    else group.protocolCounts.set(name, count);
  }
  group.metadataBytes += by * bytesOf(protocols);
}
