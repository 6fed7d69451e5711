import type { Join } from './join.ts';
import {
  addMember,
  failJoin,
  failSync,
  removeMember,
  renewSession,
  selectProtocol,
  takeJoinTicket,
  updateMember,
} from './membership.ts';
import { rebalance } from './rebalance.ts';
import { recordGroup } from './records/record-group.ts';
import { joinSuccess } from './responses.ts';
import type { Group, Member } from './state.ts';
import type { Step } from './step.ts';

/** From this version the leader can be told to skip the assignment [KIP-814]. */
const SKIP_ASSIGNMENT_SINCE = 9;

/**
 * A static member that restarted comes without its member id: it takes the place, and the assignment, of its former self,
 * who is fenced if it still lives. A stable group goes on without a rebalance unless the chosen protocol would change [KIP-345].
 */
export function takeOverInstance(step: Step, join: Join, former: Member, memberId: string): void {
  const { group, request, protocols, ticket, context } = join;
  const formerLeaderId = group.leaderId ?? '';
  const member = replaceMember(step, group, former, memberId);
  updateMember(step, group, member, request, protocols, ticket);
  renewSession(step, group, member);
  if (group.state !== 'Stable' || selectProtocol(group) !== group.protocolName) {
    rebalance(step, group);
    return;
  }
  recordGroup(step, group);
  takeJoinTicket(group, member);
  const isLeader = group.leaderId === memberId;
  // An older client that is told it leads would assign anew, so it is told that its former self does.
  const view =
    context.apiVersion >= SKIP_ASSIGNMENT_SINCE
      ? { skipAssignment: isLeader }
      : { leaderId: formerLeaderId, tellMembers: false };
  step.reply('join', ticket, joinSuccess(group, memberId, view));
}

function replaceMember(step: Step, group: Group, former: Member, memberId: string): Member {
  failJoin(step, group, former, 'FENCED_INSTANCE_ID');
  failSync(step, former, 'FENCED_INSTANCE_ID');
  const wasLeader = group.leaderId === former.memberId;
  const owesSync = group.pendingSync.has(former.memberId);
  removeMember(group, former);
  const member: Member = { ...former, memberId, isNew: false };
  addMember(group, member);
  if (wasLeader) group.leaderId = memberId;
  if (owesSync) group.pendingSync.add(memberId);
  return member;
}
