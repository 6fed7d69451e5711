import { ErrorCode, type ErrorName } from '@edgelog/wire';
import type { JoinResponse, SyncResponse } from './messages.ts';
import type { Group, Member } from './state.ts';

export function joinFailure(error: ErrorName, memberId: string): JoinResponse {
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode[error],
    generationId: -1,
    protocolType: null,
    protocolName: '',
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  };
}

/** The generation as the member sees it: only the leader is told who else is in it. */
export function joinSuccess(
  group: Group,
  memberId: string,
  view: { leaderId?: string; tellMembers?: boolean; skipAssignment?: boolean } = {},
): JoinResponse {
  const { leaderId = group.leaderId ?? '', tellMembers = leaderId === memberId } = view;
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName ?? '',
    leader: leaderId,
    skipAssignment: view.skipAssignment ?? false,
    memberId,
    members: tellMembers ? Array.from(group.members.values(), (member) => listedMember(group, member)) : [],
  };
}

const listedMember = (group: Group, member: Member) => ({
  memberId: member.memberId,
  groupInstanceId: member.groupInstanceId,
  metadata: metadataOf(group, member),
});

/** The member's metadata for the protocol that was chosen. */
export function metadataOf(group: Group, member: Member): Buffer {
  return member.protocols.get(group.protocolName ?? '') ?? Buffer.alloc(0);
}

export function syncFailure(error: ErrorName): SyncResponse {
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode[error],
    protocolType: null,
    protocolName: null,
    assignment: Buffer.alloc(0),
  };
}

export function syncSuccess(group: Group, member: Member): SyncResponse {
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    assignment: member.assignment,
  };
}
