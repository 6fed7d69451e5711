import { ErrorCode, type ErrorName } from '@edgelog/wire';
import {
  type ConsumerHeartbeatRequest,
  type ConsumerHeartbeatResponse,
  NAME_UNITS_MAX,
  type RequestContext,
  type Ticket,
} from '../messages.ts';
import type { ConsumerMemberValue } from '../records/index.ts';
import type { Shard } from '../state.ts';
import type { Step } from '../step.ts';
import { assignmentOf, listOf, NOTHING, sameAssignment } from './assignment.ts';
import { emit } from './emit.ts';
import { fenceMembers } from './fence.ts';
import { consumerOf, replaceMember, sendAway } from './members.ts';
import { invalidHeartbeat, refusedHeartbeat } from './refusal.ts';
import { AWAY, canBeReplaced, JOINING, LEAVING } from './state.ts';
import { takeTurn } from './turn.ts';
import { planUpgrade, upgrade } from './upgrade.ts';

export interface ConsumerHeartbeatEvent {
  readonly type: 'consumerHeartbeat';
  readonly groupId: string;
  readonly ticket: Ticket;
  readonly request: ConsumerHeartbeatRequest;
  readonly context: RequestContext;
  /** Drawn by the shell: the name of a member that has none. */
  readonly uniqueId: string;
}

/** ConsumerGroupHeartbeat [KIP-848]: answered at once; nobody waits for anybody. */
export function consumerHeartbeat(step: Step, shard: Shard, event: ConsumerHeartbeatEvent): void {
  const { request, ticket } = event;
  const { memberEpoch } = request;
  const group = shard.groups.get(request.groupId);
  const invalid = invalidHeartbeat(request, event.context.apiVersion);
  const plan =
    invalid === undefined && memberEpoch === JOINING
      ? group && planUpgrade(group, step.settings, step.topics)
      : undefined;
  const refusal =
    invalid ?? refusedHeartbeat(group, plan?.consumer ?? group?.consumer, request, step.settings);
  if (refusal) {
    step.reply('consumerHeartbeat', ticket, consumerHeartbeatFailure(refusal.error, refusal.message));
    return;
  }
  if (group && plan) upgrade(step, shard, group, plan);
  const isLeave = memberEpoch === LEAVING || memberEpoch === AWAY;
  step.reply('consumerHeartbeat', ticket, isLeave ? leave(step, shard, request) : beat(step, shard, event));
}

export const consumerHeartbeatFailure = (
  error: ErrorName,
  errorMessage: string | null = null,
): ConsumerHeartbeatResponse => ({
  errorCode: ErrorCode[error],
  errorMessage,
  memberEpoch: 0,
  heartbeatIntervalMs: 0,
  assignment: null,
});

function leave(step: Step, shard: Shard, request: ConsumerHeartbeatRequest): ConsumerHeartbeatResponse {
  const { groupId, memberId, memberEpoch } = request;
  const member = consumerOf(shard, groupId).members.get(memberId)!;
  if (memberEpoch === AWAY) sendAway(step, shard, groupId, member);
  else fenceMembers(step, shard, groupId, [memberId]);
  return { errorCode: ErrorCode.NONE, memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null };
}

function beat(step: Step, shard: Shard, event: ConsumerHeartbeatEvent): ConsumerHeartbeatResponse {
  const { groupId, request } = event;
  const memberId = request.memberId || event.uniqueId;
  dropClassicRecord(step, shard, groupId);
  takeOver(step, shard, request, memberId);
  const former = shard.groups.get(groupId)?.consumer?.members.get(memberId);
  const before = former?.current.assigned ?? NOTHING;
  const said = saidIn(event, former?.said);
  const owned = request.topicPartitions && assignmentOf(request.topicPartitions);
  const member = takeTurn(step, shard, groupId, memberId, said, owned);
  member.sessionDeadline = step.now.steadyMs + step.settings.consumerSessionTimeoutMs;
  step.wake(shard.groups.get(groupId)!, Math.min(member.sessionDeadline, member.rebalanceDeadline));
  const { memberEpoch, assigned } = member.current;
  const tells = isFull(request) || !sameAssignment(before, assigned);
  return {
    errorCode: ErrorCode.NONE,
    memberId,
    memberEpoch,
    heartbeatIntervalMs: step.settings.consumerHeartbeatIntervalMs,
    assignment: tells ? { topicPartitions: listOf(assigned) } : null,
  };
}

/** An empty classic group gives way; its offsets stay. */
function dropClassicRecord(step: Step, shard: Shard, groupId: string): void {
  const group = shard.groups.get(groupId);
  if (group && group.consumer === undefined && group.recorded !== undefined)
    emit(step, shard, { type: 'group', groupId, value: null });
}

/** A static member that was away, or spoke the classic protocol, is back, in the place of its former self. */
function takeOver(step: Step, shard: Shard, request: ConsumerHeartbeatRequest, memberId: string): void {
  if (request.memberEpoch !== JOINING || request.instanceId === null) return;
  const consumer = shard.groups.get(request.groupId)?.consumer;
  const former = consumer?.members.get(consumer.staticMembers.get(request.instanceId) ?? '');
  if (former && canBeReplaced(former)) replaceMember(step, shard, request.groupId, former, memberId);
}

function saidIn(
  { request, context }: ConsumerHeartbeatEvent,
  old: ConsumerMemberValue | undefined,
): ConsumerMemberValue {
  const { subscribedTopicNames: names, rebalanceTimeoutMs } = request;
  return {
    instanceId: request.instanceId ?? old?.instanceId ?? null,
    rackId: request.rackId ?? old?.rackId ?? null,
    clientId: (context.clientId ?? '').slice(0, NAME_UNITS_MAX),
    clientHost: context.clientHost,
    subscribedTopicNames: names ? [...new Set(names)].sort() : (old?.subscribedTopicNames ?? []),
    subscribedTopicRegex: request.subscribedTopicRegex ?? old?.subscribedTopicRegex ?? null,
    rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? (old?.rebalanceTimeoutMs ?? -1) : rebalanceTimeoutMs,
    serverAssignor: request.serverAssignor ?? old?.serverAssignor ?? null,
    classicMemberMetadata: null,
  };
}

/** A member that says everything wants to be told everything. */
const isFull = (request: ConsumerHeartbeatRequest) =>
  request.memberEpoch === JOINING ||
  (request.rebalanceTimeoutMs !== -1 &&
    (request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null) &&
    request.topicPartitions !== null);
