import type { ErrorName } from '@edgelog/wire';
import { type ConsumerHeartbeatRequest, NAME_UNITS_MAX } from '../messages.ts';
import type { GroupSettings } from '../settings.ts';
import type { Group } from '../state.ts';
import { assignmentOf, isWithin } from './assignment.ts';
import { assignors } from './assignors/index.ts';
import { Pattern } from './pattern.ts';
import { PatternError } from './pattern-syntax.ts';
import { boundExceeded, unitsOf } from './size.ts';
import { AWAY, type ConsumerMember, type ConsumerState, canBeReplaced, JOINING, LEAVING } from './state.ts';

export interface Refusal {
  readonly error: ErrorName;
  readonly message: string;
}

const refuse = (error: ErrorName, message: string): Refusal => ({ error, message });
const invalid = (message: string) => refuse('INVALID_REQUEST', message);
const unknown = (message: string) => refuse('UNKNOWN_MEMBER_ID', message);

/** From this version members name themselves [KIP-1082]. */
const OWN_NAME_SINCE = 1;

/** What is wrong with the request whatever the group. */
export function invalidHeartbeat(request: ConsumerHeartbeatRequest, apiVersion: number): Refusal | undefined {
  const { groupId, memberId, memberEpoch, instanceId, rackId, serverAssignor, subscribedTopicRegex } =
    request;
  if (groupId === '') return invalid("GroupId can't be empty.");
  if (instanceId === '') return invalid("InstanceId can't be empty.");
  if (rackId === '') return invalid("RackId can't be empty.");
  if (memberId === '' && (apiVersion >= OWN_NAME_SINCE || memberEpoch !== JOINING))
    return invalid("MemberId can't be empty.");
  for (const name of [groupId, memberId, instanceId, rackId, ...(request.subscribedTopicNames ?? [])]) {
    if (name !== null && name.length > NAME_UNITS_MAX) return invalid('A name is too long.');
  }
  if (memberEpoch < AWAY) return invalid('MemberEpoch is invalid.');
  if (memberEpoch === AWAY && instanceId === null) return invalid("InstanceId can't be null.");
  if (memberEpoch === JOINING) {
    if (request.rebalanceTimeoutMs === -1)
      return invalid('RebalanceTimeoutMs must be provided in first request.');
    if (request.topicPartitions?.length !== 0)
      return invalid('TopicPartitions must be empty when (re-)joining.');
    if (request.subscribedTopicNames === null && subscribedTopicRegex === null)
      return invalid('SubscribedTopicNames or SubscribedTopicRegex must be set in first request.');
  }
  if (serverAssignor !== null && !assignors.has(serverAssignor)) {
    const known = [...assignors.keys()].join(', ');
    const message = `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${known}.`;
    return refuse('UNSUPPORTED_ASSIGNOR', message);
  }
  return subscribedTopicRegex ? invalidPattern(subscribedTopicRegex) : undefined;
}

function invalidPattern(source: string): Refusal | undefined {
  try {
    new Pattern(source);
    return undefined;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return refuse('INVALID_REGULAR_EXPRESSION', `SubscribedTopicRegex is not valid: ${error.message}.`);
  }
}

/** Why this group does not take this heartbeat; `consumer` is what it is, or is about to become, as one of the new protocol. */
export function refusedHeartbeat(
  group: Group | undefined,
  consumer: ConsumerState | undefined,
  request: ConsumerHeartbeatRequest,
  settings: GroupSettings,
): Refusal | undefined {
  const { groupId, memberEpoch } = request;
  if (consumer === undefined) {
    if (group !== undefined && group.state !== 'Empty')
      return refuse('GROUP_ID_NOT_FOUND', `Group ${groupId} is not a consumer group.`);
    return memberEpoch === JOINING ? undefined : refuse('GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`);
  }
  const refused =
    request.instanceId === null
      ? ofDynamic(consumer, request)
      : ofStatic(consumer, request, request.instanceId);
  return refused ?? ofSize(consumer, request, settings);
}

function ofDynamic({ members }: ConsumerState, request: ConsumerHeartbeatRequest): Refusal | undefined {
  const member = members.get(request.memberId);
  if (member) return ofEpoch(member, request);
  return request.memberEpoch === JOINING ? undefined : unknown(`${request.memberId} is not a member.`);
}

function ofStatic(
  { members, staticMembers }: ConsumerState,
  request: ConsumerHeartbeatRequest,
  instanceId: string,
): Refusal | undefined {
  const { memberId, memberEpoch } = request;
  const holderId = staticMembers.get(instanceId);
  if (holderId === undefined) {
    return memberEpoch === JOINING ? undefined : unknown(`Instance id ${instanceId} is unknown.`);
  }
  const holder = members.get(holderId)!;
  if (holderId === memberId) return ofEpoch(holder, request);
  if (memberEpoch !== JOINING) {
    const message = `Static member ${memberId} with instance id ${instanceId} was fenced by member ${holderId}.`;
    return refuse('FENCED_INSTANCE_ID', message);
  }
  if (canBeReplaced(holder)) return undefined;
  return refuse('UNRELEASED_INSTANCE_ID', `Instance id ${instanceId} is owned by member ${holderId}.`);
}

/**
 * A member that begins anew is taken back as it is: it says that it has nothing. One with the epoch before is too, as long as
 * what it has is its own, for the answer may have been lost.
 */
function ofEpoch({ current }: ConsumerMember, request: ConsumerHeartbeatRequest): Refusal | undefined {
  const { memberEpoch, topicPartitions } = request;
  if (memberEpoch === current.memberEpoch || memberEpoch === JOINING) return undefined;
  if (memberEpoch === LEAVING || memberEpoch === AWAY) return undefined;
  const isLate = memberEpoch < current.memberEpoch;
  const answerWasLost =
    isLate &&
    memberEpoch === current.previousMemberEpoch &&
    topicPartitions !== null &&
    isWithin(assignmentOf(topicPartitions), current.assigned);
  if (answerWasLost) return undefined;
  const relation = isLate ? 'smaller' : 'greater';
  const message = `The member has a ${relation} member epoch (${memberEpoch}) than the one known (${current.memberEpoch}).`;
  return refuse('FENCED_MEMBER_EPOCH', `${message} It must abandon all its partitions and rejoin.`);
}

function ofSize(
  consumer: ConsumerState,
  { memberId, instanceId, subscribedTopicNames }: ConsumerHeartbeatRequest,
  settings: GroupSettings,
): Refusal | undefined {
  const { members, staticMembers } = consumer;
  const holderId = members.has(memberId) ? memberId : staticMembers.get(instanceId ?? '');
  if (holderId !== undefined && subscribedTopicNames === null) return undefined;
  switch (boundExceeded(consumer, holderId, unitsOf(subscribedTopicNames ?? []), settings)) {
    case 'members': {
      const message = `The group has reached its maximum of ${settings.membersMax} members.`;
      return refuse('GROUP_MAX_SIZE_REACHED', message);
    }
    case 'subscriptions':
      return refuse('GROUP_MAX_SIZE_REACHED', 'The subscriptions of all members together are too large.');
  }
  return undefined;
}
