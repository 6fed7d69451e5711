import { isDeepStrictEqual } from 'node:util';
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
import { currentRecord, emit } from './emit.ts';
import { consumerOf, fenceMember, replaceMember, sendAway } from './members.ts';
import { reconcile } from './reconcile.ts';
import { invalidHeartbeat, refusedHeartbeat } from './refusal.ts';
import { AWAY, type ConsumerState, type Current, JOINING, LEAVING, MemberState } from './state.ts';
import { metadataHash, refreshPatterns } from './subscription.ts';
import { assignTargets } from './target.ts';
import type { TopicsView } from './topics.ts';

export interface ConsumerHeartbeatEvent {
  readonly type: 'consumerHeartbeat';
  readonly groupId: string;
  readonly ticket: Ticket;
  readonly request: ConsumerHeartbeatRequest;
  readonly context: RequestContext;
  readonly topics: TopicsView;
  /** Drawn by the shell: the name of a member that has none. */
  readonly uniqueId: string;
}

/** ConsumerGroupHeartbeat [KIP-848]: answered at once; nobody waits for anybody. */
export function consumerHeartbeat(step: Step, shard: Shard, event: ConsumerHeartbeatEvent): void {
  const { request, context, ticket } = event;
  const refusal =
    invalidHeartbeat(request, context.apiVersion) ??
    refusedHeartbeat(shard.groups.get(request.groupId), request, step.settings);
  const isLeave = request.memberEpoch === LEAVING || request.memberEpoch === AWAY;
  const body = refusal
    ? consumerHeartbeatFailure(refusal.error, refusal.message)
    : isLeave
      ? leave(step, shard, request)
      : beat(step, shard, event);
  step.reply('consumerHeartbeat', ticket, body);
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
  else fenceMember(step, shard, groupId, memberId);
  return { errorCode: ErrorCode.NONE, memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null };
}

function beat(step: Step, shard: Shard, event: ConsumerHeartbeatEvent): ConsumerHeartbeatResponse {
  const { groupId, request, topics } = event;
  const memberId = request.memberId || event.uniqueId;
  dropClassicRecord(step, shard, groupId);
  takeOver(step, shard, request, memberId);
  const before = shard.groups.get(groupId)?.consumer?.members.get(memberId)?.current.assigned ?? NOTHING;
  const resubscribed = listen(step, shard, event, memberId);
  const consumer = consumerOf(shard, groupId);
  updateEpoch(step, shard, groupId, consumer, topics, resubscribed);
  if (consumer.epoch > consumer.assignmentEpoch) assignTargets(step, shard, groupId, consumer, topics);
  advance(step, shard, groupId, consumer, memberId, request);
  const member = consumer.members.get(memberId)!;
  member.sessionDeadline = step.now.steadyMs + step.settings.consumerSessionTimeoutMs;
  step.wake(shard.groups.get(groupId)!, Math.min(member.sessionDeadline, member.revocationDeadline));
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

/** A static member that was away is back, in the place of its former self. */
function takeOver(step: Step, shard: Shard, request: ConsumerHeartbeatRequest, memberId: string): void {
  if (request.memberEpoch !== JOINING || request.instanceId === null) return;
  const consumer = shard.groups.get(request.groupId)?.consumer;
  const former = consumer?.members.get(consumer.staticMembers.get(request.instanceId) ?? '');
  if (former?.current.memberEpoch === AWAY) replaceMember(step, shard, request.groupId, former, memberId);
}

/** Records what the member says of itself; true when it is new or subscribes to something else. */
function listen(step: Step, shard: Shard, event: ConsumerHeartbeatEvent, memberId: string): boolean {
  const { groupId, request, context } = event;
  const old = shard.groups.get(groupId)?.consumer?.members.get(memberId)?.said;
  const { subscribedTopicNames: names, rebalanceTimeoutMs } = request;
  const value: ConsumerMemberValue = {
    instanceId: request.instanceId ?? old?.instanceId ?? null,
    rackId: request.rackId ?? old?.rackId ?? null,
    clientId: (context.clientId ?? '').slice(0, NAME_UNITS_MAX),
    clientHost: context.clientHost,
    subscribedTopicNames: names ? [...new Set(names)].sort() : (old?.subscribedTopicNames ?? []),
    subscribedTopicRegex: request.subscribedTopicRegex ?? old?.subscribedTopicRegex ?? null,
    rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? (old?.rebalanceTimeoutMs ?? -1) : rebalanceTimeoutMs,
    serverAssignor: request.serverAssignor ?? old?.serverAssignor ?? null,
  };
  if (old && isDeepStrictEqual(old, value)) return false;
  emit(step, shard, { type: 'consumerMember', groupId, memberId, value });
  return (
    old === undefined ||
    !isDeepStrictEqual(old.subscribedTopicNames, value.subscribedTopicNames) ||
    (old.subscribedTopicRegex ?? '') !== (value.subscribedTopicRegex ?? '')
  );
}

/** A new epoch when subscriptions changed, or the topics that they mean. */
function updateEpoch(
  step: Step,
  shard: Shard,
  groupId: string,
  consumer: ConsumerState,
  topics: TopicsView,
  resubscribed: boolean,
): void {
  const now = step.now.steadyMs;
  if (!resubscribed && now < consumer.refreshAt) return;
  consumer.refreshAt = now + step.settings.topicRefreshMs;
  refreshPatterns(step, shard, groupId, consumer, topics);
  const hash = metadataHash(consumer, topics);
  if (!resubscribed && hash === consumer.metadataHash) return;
  const value = { epoch: consumer.epoch + 1, metadataHash: hash };
  emit(step, shard, { type: 'consumerGroup', groupId, value });
}

/** Takes the member one step towards its target. */
function advance(
  step: Step,
  shard: Shard,
  groupId: string,
  { members, targets, owners, assignmentEpoch }: ConsumerState,
  memberId: string,
  { topicPartitions }: ConsumerHeartbeatRequest,
): void {
  const member = members.get(memberId)!;
  const target = {
    epoch: assignmentEpoch,
    assignment: targets.get(memberId) ?? NOTHING,
    isFree: (topicId: string, partition: number) => !owners.get(topicId)?.has(partition),
  };
  const next = reconcile(member.current, target, topicPartitions && assignmentOf(topicPartitions));
  if (sameCurrent(next, member.current)) return;
  emit(step, shard, currentRecord(groupId, memberId, next));
  member.revocationDeadline =
    next.state === MemberState.unrevoked
      ? step.now.steadyMs + member.said.rebalanceTimeoutMs
      : Number.POSITIVE_INFINITY;
}

const sameCurrent = (a: Current, b: Current) =>
  a.memberEpoch === b.memberEpoch &&
  a.previousMemberEpoch === b.previousMemberEpoch &&
  a.state === b.state &&
  sameAssignment(a.assigned, b.assigned) &&
  sameAssignment(a.pendingRevocation, b.pendingRevocation);

/** A member that says everything wants to be told everything. */
const isFull = (request: ConsumerHeartbeatRequest) =>
  request.memberEpoch === JOINING ||
  (request.rebalanceTimeoutMs !== -1 &&
    (request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null) &&
    request.topicPartitions !== null);
