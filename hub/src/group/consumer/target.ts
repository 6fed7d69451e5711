import type { Shard } from '../state.ts';
import type { Step } from '../step.ts';
import { listOf, NOTHING, sameAssignment } from './assignment.ts';
import { assignors, DEFAULT_ASSIGNOR } from './assignors/index.ts';
import { emit } from './emit.ts';
import type { ConsumerState } from './state.ts';
import { namesOf } from './subscription.ts';

/** Decides anew who is to have what, for the group's epoch. */
export function assignTargets(step: Step, shard: Shard, groupId: string, consumer: ConsumerState): void {
  const { topics } = step;
  const partitions = new Map<string, number>();
  const subscribers = Array.from(consumer.members.values(), (member) => {
    const topicIds = new Set<string>();
    for (const name of namesOf(consumer, member)) {
      const topic = topics.get(name);
      if (topic === undefined) continue;
      topicIds.add(topic.id);
      partitions.set(topic.id, topic.partitions);
    }
    const { memberId, said } = member;
    return {
      memberId,
      instanceId: said.instanceId,
      topicIds,
      previous: consumer.targets.get(memberId) ?? NOTHING,
    };
  });
  for (const [memberId, target] of assignors.get(assignorOf(consumer))!(subscribers, partitions)) {
    const known = consumer.targets.get(memberId);
    if (known && sameAssignment(known, target)) continue;
    emit(step, shard, {
      type: 'targetAssignment',
      groupId,
      memberId,
      value: { topicPartitions: listOf(target) },
    });
  }
  emit(step, shard, { type: 'targetEpoch', groupId, value: { assignmentEpoch: consumer.epoch } });
}

/** The one that most members ask for. */
export function assignorOf({ members }: ConsumerState): string {
  const votes = new Map<string, number>();
  let winner: string | undefined;
  for (const { said } of members.values()) {
    const name = said.serverAssignor;
    if (name === null || !assignors.has(name)) continue;
    votes.set(name, (votes.get(name) ?? 0) + 1);
    if (winner === undefined || votes.get(name)! > votes.get(winner)!) winner = name;
  }
  return winner ?? DEFAULT_ASSIGNOR;
}
