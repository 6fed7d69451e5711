import type { Shard } from '../state.ts';
import type { Step } from '../step.ts';
import { canDowngrade, downgrade } from './downgrade.ts';
import { emit } from './emit.ts';
import { consumerOf, removeMember } from './members.ts';

/**
 * Takes members out for good; the others hear of it by their next targets. When only members of the classic protocol stay, it is
 * theirs to share out what is free.
 */
export function fenceMembers(step: Step, shard: Shard, groupId: string, memberIds: readonly string[]): void {
  if (memberIds.length === 0) return;
  const consumer = consumerOf(shard, groupId);
  const becomesClassic = canDowngrade(consumer, new Set(memberIds), step.settings);
  for (const memberId of memberIds) removeMember(step, shard, groupId, memberId);
  if (becomesClassic && consumer.members.size > 0) {
    downgrade(step, shard, groupId, false);
    return;
  }
  const { epoch, metadataHash } = consumer;
  emit(step, shard, { type: 'consumerGroup', groupId, value: { epoch: epoch + 1, metadataHash } });
  consumer.refreshAt = 0;
}
