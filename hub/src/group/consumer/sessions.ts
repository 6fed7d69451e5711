import type { Group, Shard } from '../state.ts';
import type { Step } from '../step.ts';
import { fenceMembers } from './fence.ts';
import { type ConsumerMember, type ConsumerState, MemberState } from './state.ts';

/** A wake-up: who was silent for too long, or did not give up what it had to, is out. */
export function wakeConsumerGroup(step: Step, shard: Shard, group: Group, consumer: ConsumerState): void {
  const now = step.now.steadyMs;
  if (group.wakeAt > now) return;
  group.wakeAt = Number.POSITIVE_INFINITY;
  const late = [...consumer.members.values()].filter((member) => deadlineOf(member) <= now);
  for (const member of late) noteRemoval(step, group, member);
  fenceMembers(
    step,
    shard,
    group.groupId,
    late.map(({ memberId }) => memberId),
  );
  if (shard.groups.get(group.groupId)?.consumer !== consumer) return;
  let next = Number.POSITIVE_INFINITY;
  for (const member of consumer.members.values()) next = Math.min(next, deadlineOf(member));
  step.wake(group, next);
}

/** After recovery everybody gets a whole session, and a whole time to give up partitions. */
export function startSessions(step: Step, group: Group, { members }: ConsumerState): void {
  const now = step.now.steadyMs;
  for (const member of members.values()) {
    member.sessionDeadline = now + sessionTimeoutMs(step, member);
    if (member.current.state === MemberState.unrevoked) {
      member.rebalanceDeadline = now + member.said.rebalanceTimeoutMs;
    }
    step.wake(group, deadlineOf(member));
  }
}

function noteRemoval(step: Step, { groupId }: Group, member: ConsumerMember): void {
  const { memberId, said, sessionDeadline } = member;
  const isSilent = sessionDeadline <= step.now.steadyMs;
  step.removals.push({
    groupId,
    memberId,
    clientId: said.clientId,
    clientHost: said.clientHost,
    reason: isSilent ? 'session timeout' : 'rebalance timeout',
    timeoutMs: isSilent ? sessionTimeoutMs(step, member) : said.rebalanceTimeoutMs,
  });
}

const sessionTimeoutMs = ({ settings }: Step, { said }: ConsumerMember) =>
  said.classicMemberMetadata?.sessionTimeoutMs ?? settings.consumerSessionTimeoutMs;

const deadlineOf = ({ sessionDeadline, rebalanceDeadline }: ConsumerMember) =>
  Math.min(sessionDeadline, rebalanceDeadline);
