import type { GroupRecord } from '../records/index.ts';
import { listOf } from './assignment.ts';
import { currentRecord } from './emit.ts';
import type { ConsumerState } from './state.ts';

/** Records that recovery needs to come to the same state. */
export function* snapshotConsumer(groupId: string, consumer: ConsumerState): Generator<GroupRecord> {
  const { epoch, metadataHash, assignmentEpoch, members, targets, patterns } = consumer;
  yield { type: 'consumerGroup', groupId, value: { epoch, metadataHash } };
  for (const { memberId, said } of members.values())
    yield { type: 'consumerMember', groupId, memberId, value: said };
  for (const [regularExpression, topics] of patterns) {
    yield {
      type: 'regularExpression',
      groupId,
      regularExpression,
      value: { topics, version: 0, timestamp: 0 },
    };
  }
  for (const [memberId, target] of targets) {
    yield { type: 'targetAssignment', groupId, memberId, value: { topicPartitions: listOf(target) } };
  }
  yield { type: 'targetEpoch', groupId, value: { assignmentEpoch } };
  for (const { memberId, current } of members.values()) yield currentRecord(groupId, memberId, current);
}
