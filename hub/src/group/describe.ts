import { ErrorCode } from '@edgelog/wire';
import type { DescribeGroupsResponse, ListGroupsRequest, ListGroupsResponse } from './messages.ts';
import { metadataOf } from './responses.ts';
import type { Group } from './state.ts';

type DescribedGroup = DescribeGroupsResponse['groups'][number];
type ListedGroup = ListGroupsResponse['groups'][number];

/** From this version a group that does not exist is an error and not a dead group [KIP-1043]. */
const GROUP_ID_NOT_FOUND_SINCE = 6;

/** Bits of Kafka's AclOperation: read 3, delete 6, describe 8. Without ACLs everybody may do all of it. */
const ALL_OPERATIONS = (1 << 3) | (1 << 6) | (1 << 8);
const OPERATIONS_NOT_ASKED = -(2 ** 31);

export function describeGroup(
  groupId: string,
  group: Group | undefined,
  options: { apiVersion: number; includeAuthorizedOperations: boolean },
): DescribedGroup {
  const common = {
    groupId,
    errorCode: ErrorCode.NONE,
    authorizedOperations: options.includeAuthorizedOperations ? ALL_OPERATIONS : OPERATIONS_NOT_ASKED,
  };
  if (!group) {
    const dead = { ...common, groupState: 'Dead', protocolType: '', protocolData: '', members: [] };
    if (options.apiVersion < GROUP_ID_NOT_FOUND_SINCE) return dead;
    return { ...dead, errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage: `Group ${groupId} not found.` };
  }
  const stable = group.state === 'Stable';
  return {
    ...common,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: stable ? (group.protocolName ?? '') : '',
    members: Array.from(group.members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: stable ? metadataOf(group, member) : Buffer.alloc(0),
      memberAssignment: stable ? member.assignment : Buffer.alloc(0),
    })),
  };
}

/** Both filters ignore case; an empty one lets everything through. There are classic groups only. */
export function listGroups(groups: Iterable<Group>, request: ListGroupsRequest): ListedGroup[] {
  const states = new Set(request.statesFilter.map((state) => state.trim().toLowerCase()));
  const types = new Set(request.typesFilter.map((type) => type.trim().toLowerCase()));
  if (types.size > 0 && !types.has('classic')) return [];
  const listed: ListedGroup[] = [];
  for (const group of groups) {
    if (states.size > 0 && !states.has(group.state.toLowerCase())) continue;
    listed.push({
      groupId: group.groupId,
      protocolType: group.protocolType ?? '',
      groupState: group.state,
      groupType: 'classic',
    });
  }
  return listed;
}
