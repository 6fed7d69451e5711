import { type ConsumerSubscription, ErrorCode, type ErrorName } from '@edgelog/wire';
import type { JoinEvent } from '../join.ts';
import { bytesOf, newMemberId, rebalanceTimeoutOf, requiresMemberId } from '../membership.ts';
import { NAME_UNITS_MAX } from '../messages.ts';
import type { ConsumerMemberValue } from '../records/index.ts';
import { joinFailure } from '../responses.ts';
import type { GroupSettings } from '../settings.ts';
import type { Protocols, Shard } from '../state.ts';
import type { Step } from '../step.ts';
import { CONSUMER_PROTOCOL, classicSaid, subscriptionIn, withIds } from './classic-member.ts';
import { canDowngrade, downgrade } from './downgrade.ts';
import { emit } from './emit.ts';
import { replaceMember } from './members.ts';
import { boundExceeded, unitsOf } from './size.ts';
import { type ConsumerMember, type ConsumerState, isClassic, isReconciled } from './state.ts';
import { takeTurn } from './turn.ts';

/** A JoinGroup to a group of the new protocol that has members. */
export interface ClassicJoin extends JoinEvent {
  readonly consumer: ConsumerState;
  readonly protocols: Protocols;
}

/** Why such a join is refused. */
export function refusedClassicJoin(
  { consumer, protocols, request }: ClassicJoin,
  settings: GroupSettings,
): ErrorName | undefined {
  const { memberId, groupInstanceId, protocolType } = request;
  const holder = holderOf(consumer, memberId, groupInstanceId);
  const subscription = subscriptionOf(protocols);
  const units = bytesOf(protocols) + unitsOf(subscription?.topics ?? []);
  if (boundExceeded(consumer, holder?.memberId, units, settings)) return 'GROUP_MAX_SIZE_REACHED';
  if (protocolType !== CONSUMER_PROTOCOL || subscription === undefined) return 'INCONSISTENT_GROUP_PROTOCOL';
  if (!isSupported(consumer, holder, protocols)) return 'INCONSISTENT_GROUP_PROTOCOL';
  if (memberId === '') return undefined;
  if (groupInstanceId === null) {
    // Ids that were handed out are not kept, so any is taken; but who still reads was removed without knowing it.
    return holder === undefined && subscription.owned.length > 0 ? 'UNKNOWN_MEMBER_ID' : undefined;
  }
  const owner = consumer.staticMembers.get(groupInstanceId);
  if (owner === undefined) return 'UNKNOWN_MEMBER_ID';
  return owner === memberId ? undefined : 'FENCED_INSTANCE_ID';
}

/** Whose place the join takes. */
const holderOf = ({ members, staticMembers }: ConsumerState, memberId: string, instanceId: string | null) =>
  members.get(memberId || (staticMembers.get(instanceId ?? '') ?? ''));

const subscriptionOf = (protocols: Protocols): ConsumerSubscription | undefined =>
  subscriptionIn(protocols.values().next().value);

/** Whether all the other classic members have one of these protocols, which the group would use as a classic one. */
function isSupported(
  { members }: ConsumerState,
  holder: ConsumerMember | undefined,
  protocols: Protocols,
): boolean {
  const common = new Set(protocols.keys());
  for (const member of members.values()) {
    if (member === holder || !isClassic(member)) continue;
    const theirs = new Set(member.said.classicMemberMetadata!.supportedProtocols.map(({ name }) => name));
    for (const name of common) if (!theirs.has(name)) common.delete(name);
  }
  return common.size > 0;
}

/**
 * When the last member of the new protocol comes back with the classic one, the group becomes a classic group, and the join one to that.
 * True when it did.
 */
export function yieldsTo(step: Step, shard: Shard, join: ClassicJoin): boolean {
  const { consumer, groupId, request } = join;
  const holder = holderOf(consumer, request.memberId, request.groupInstanceId);
  if (holder === undefined || !canDowngrade(consumer, new Set([holder.memberId]), step.settings))
    return false;
  const value = saidIn(join, holder.said);
  const settled =
    consumer.epoch === consumer.assignmentEpoch &&
    sameNames(value, holder.said) &&
    [...consumer.members.values()].every(
      (member) => member === holder || isReconciled(member.current, consumer.epoch),
    );
  emit(step, shard, { type: 'consumerMember', groupId, memberId: holder.memberId, value });
  downgrade(step, shard, groupId, settled);
  return true;
}

const sameNames = (a: ConsumerMemberValue, b: ConsumerMemberValue) =>
  !b.subscribedTopicRegex && a.subscribedTopicNames.join() === b.subscribedTopicNames.join();

/** Answered at once: the generation is the member's epoch, and the coordinator assigns. */
export function joinConsumerGroup(step: Step, shard: Shard, join: ClassicJoin): void {
  const { groupId, request, ticket, consumer, protocols } = join;
  if (requiresMemberId(join)) {
    step.reply('join', ticket, joinFailure('MEMBER_ID_REQUIRED', newMemberId(join)));
    return;
  }
  const memberId = request.memberId || newMemberId(join);
  const former = holderOf(consumer, request.memberId, request.groupInstanceId);
  if (former !== undefined && former.memberId !== memberId)
    replaceMember(step, shard, groupId, former, memberId);
  const owned = withIds(subscriptionOf(protocols)!.owned, step.topics);
  const value = saidIn(join, former?.said);
  const member = takeTurn(step, shard, groupId, memberId, value, owned);
  const now = step.now.steadyMs;
  member.sessionDeadline = now + request.sessionTimeoutMs;
  member.rebalanceDeadline = now + value.rebalanceTimeoutMs;
  step.wake(shard.groups.get(groupId)!, Math.min(member.sessionDeadline, member.rebalanceDeadline));
  step.reply('join', ticket, {
    ...joinFailure('NONE', memberId),
    errorCode: ErrorCode.NONE,
    generationId: member.current.memberEpoch,
    protocolType: CONSUMER_PROTOCOL,
    protocolName: value.classicMemberMetadata!.supportedProtocols[0]!.name,
  });
}

function saidIn(
  { request, context, protocols }: ClassicJoin,
  old: ConsumerMemberValue | undefined,
): ConsumerMemberValue {
  const member = {
    instanceId: request.groupInstanceId ?? old?.instanceId ?? null,
    clientId: (context.clientId ?? '').slice(0, NAME_UNITS_MAX),
    clientHost: context.clientHost,
    rebalanceTimeoutMs: rebalanceTimeoutOf(request),
  };
  return classicSaid(member, subscriptionOf(protocols)!, request.sessionTimeoutMs, protocols);
}
