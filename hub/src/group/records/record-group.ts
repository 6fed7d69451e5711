import { metadataOf } from '../responses.ts';
import type { Group } from '../state.ts';
import type { Step } from '../step.ts';
import type { GroupMetadataValue } from './group-metadata.ts';

/** Puts the group's generation on record: what a coordinator that takes over will know. Without a leader it will rebalance the group. */
export function recordGroup(step: Step, group: Group, leader: string | null = group.leaderId): void {
  const value: GroupMetadataValue = {
    protocolType: group.protocolType ?? '',
    generation: group.generationId,
    protocol: group.protocolName,
    leader,
    currentStateTimestamp: group.stateTimestamp,
    members: Array.from(group.members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeout: member.rebalanceTimeoutMs,
      sessionTimeout: member.sessionTimeoutMs,
      subscription: metadataOf(group, member),
      assignment: member.assignment,
    })),
  };
  group.recorded = value;
  step.records.push({ type: 'group', groupId: group.groupId, value });
}
