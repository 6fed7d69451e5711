import { ErrorCode } from '@edgelog/wire';
import { stateOf } from './consumer/state.ts';
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

export const operationsOf = (asked: boolean) => (asked ? ALL_OPERATIONS : OPERATIONS_NOT_ASKED);

export function describeGroup(
  groupId: string,
  group: Group | undefined,
  options: { apiVersion: number; includeAuthorizedOperations: boolean },
): DescribedGroup {
  const common = {
    groupId,
    errorCode: ErrorCode.NONE,
    authorizedOperations: operationsOf(options.includeAuthorizedOperations),
  };
  if (!group || group.consumer) {
    const dead = { ...common, groupState: 'Dead', protocolType: '', protocolData: '', members: [] };
    const why = group ? 'is not a classic group' : 'not found';
    if (options.apiVersion < GROUP_ID_NOT_FOUND_SINCE) return dead;
    return { ...dead, errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage: `Group ${groupId} ${why}.` };
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

/** Both filters ignore case; an empty one lets everything through. */
export function listGroups(groups: Iterable<Group>, request: ListGroupsRequest): ListedGroup[] {
  const states = new Set(request.statesFilter.map((state) => state.trim().toLowerCase()));
  const types = new Set(request.typesFilter.map((type) => type.trim().toLowerCase()));
  const listed: ListedGroup[] = [];
  for (const group of groups) {
    const groupState = group.consumer ? stateOf(group.consumer) : group.state;
    const groupType = group.consumer ? 'consumer' : 'classic';
    if (states.size > 0 && !states.has(groupState.toLowerCase())) continue;
    if (types.size > 0 && !types.has(groupType)) continue;
    const protocolType = group.consumer ? 'consumer' : (group.protocolType ?? '');
    listed.push({ groupId: group.groupId, protocolType, groupState, groupType });
  }
  return listed;
}
