import type { Group, Shard } from '../state.ts';
import type { Step } from '../step.ts';
import { fenceMember } from './members.ts';
import { type ConsumerMember, type ConsumerState, MemberState } from './state.ts';

/** A wake-up: who was silent for too long, or did not give up what it had to, is out. */
export function wakeConsumerGroup(step: Step, shard: Shard, group: Group, consumer: ConsumerState): void {
  const now = step.now.steadyMs;
  if (group.wakeAt > now) return;
  group.wakeAt = Number.POSITIVE_INFINITY;
  let next = Number.POSITIVE_INFINITY;
  for (const member of [...consumer.members.values()]) {
    if (deadlineOf(member) <= now) fenceMember(step, shard, group.groupId, member.memberId);
    else next = Math.min(next, deadlineOf(member));
  }
  step.wake(group, next);
}

/** After recovery everybody gets a whole session, and a whole time to give up partitions. */
export function startSessions(step: Step, group: Group, { members }: ConsumerState): void {
  const now = step.now.steadyMs;
  for (const member of members.values()) {
    member.sessionDeadline = now + step.settings.consumerSessionTimeoutMs;
    if (member.current.state === MemberState.unrevoked) {
      member.revocationDeadline = now + member.said.rebalanceTimeoutMs;
    }
    step.wake(group, deadlineOf(member));
  }
}

const deadlineOf = ({ sessionDeadline, revocationDeadline }: ConsumerMember) =>
  Math.min(sessionDeadline, revocationDeadline);
