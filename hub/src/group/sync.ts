import type { ErrorName } from '@edgelog/wire';
import { syncClassicMember } from './consumer/classic-requests.ts';
import { failSync, generationOf, memberError } from './membership.ts';
import type { SyncRequest, Ticket } from './messages.ts';
import { assign, dropAssignments, prepareRebalance, syncReceived } from './rebalance.ts';
import { syncFailure, syncSuccess } from './responses.ts';
import type { Group, Shard } from './state.ts';
import type { Step } from './step.ts';

export interface SyncEvent {
  readonly type: 'sync';
  readonly groupId: string;
  readonly ticket: Ticket;
  readonly request: SyncRequest;
}

/** SyncGroup. Followers wait for the leader's, which carries everybody's assignment and makes the group stable. */
export function sync(step: Step, shard: Shard, event: SyncEvent): void {
  const { request, ticket } = event;
  const group = shard.groups.get(request.groupId);
  if (group?.consumer) {
    syncClassicMember(step, group, group.consumer, event);
    return;
  }
  const error = refusal(group, request);
  if (group === undefined || error !== undefined) {
    step.reply('sync', ticket, syncFailure(error ?? 'UNKNOWN_MEMBER_ID'));
    return;
  }
  const member = group.members.get(request.memberId)!;
  syncReceived(group, member.memberId);
  if (group.state === 'Stable') {
    step.reply('sync', ticket, syncSuccess(group, member));
    return;
  }
  failSync(step, member, 'REBALANCE_IN_PROGRESS');
  member.awaitingSync = ticket;
  if (group.leaderId === member.memberId) onLeaderSync(step, group, request);
}

function onLeaderSync(step: Step, group: Group, request: SyncRequest): void {
  const assignments = new Map<string, Buffer>();
  let sizeBytes = 0;
  for (const { memberId, assignment } of request.assignments) {
    if (!group.members.has(memberId)) continue;
    // Copied out of the request's frame, which must not live as long as the generation does.
    assignments.set(memberId, Buffer.from(assignment));
    sizeBytes += assignment.length;
  }
  if (sizeBytes > step.settings.groupMetadataBytesMax) {
    dropAssignments(step, group, 'UNKNOWN_SERVER_ERROR');
    prepareRebalance(step, group);
  } else {
    assign(step, group, assignments);
  }
}

function refusal(group: Group | undefined, request: SyncRequest): ErrorName | undefined {
  if (request.groupId === '') return 'INVALID_GROUP_ID';
  if (group === undefined) return 'UNKNOWN_MEMBER_ID';
  const error = memberError(group, request.memberId, request.groupInstanceId);
  if (error !== undefined) return error;
  const member = group.members.get(request.memberId)!;
  if (request.generationId !== generationOf(group, member)) return 'ILLEGAL_GENERATION';
  if (differs(request.protocolType, group.protocolType)) return 'INCONSISTENT_GROUP_PROTOCOL';
  if (differs(request.protocolName, group.protocolName)) return 'INCONSISTENT_GROUP_PROTOCOL';
  if (group.state === 'PreparingRebalance') return 'REBALANCE_IN_PROGRESS';
  return undefined;
}

/** Older versions do not say which protocol they mean. */
const differs = (said: string | null, actual: string | null) =>
  said !== null && actual !== null && said !== actual;
