import { ErrorCode, type ErrorName } from '@edgelog/wire';
import type { ConsumerDescribeResponse } from '../messages.ts';
import type { Group } from '../state.ts';
import { type Assignment, NOTHING } from './assignment.ts';
import { stateOf } from './state.ts';
import { assignorOf } from './target.ts';
import type { TopicsView } from './topics.ts';

type DescribedGroup = ConsumerDescribeResponse['groups'][number];

const MemberType = { classic: 0, consumer: 1 } as const;

export function describeConsumerGroup(
  groupId: string,
  group: Group | undefined,
  topics: TopicsView,
  authorizedOperations: number,
): DescribedGroup {
  const consumer = group?.consumer;
  if (consumer === undefined) {
    const why = group ? 'is not a consumer group' : 'not found';
    return undescribed(groupId, 'GROUP_ID_NOT_FOUND', `Group ${groupId} ${why}.`);
  }
  const named = (assignment: Assignment) => {
    const topicPartitions = [];
    for (const [topicId, partitions] of assignment) {
      const topicName = topics.nameOf(topicId);
      if (topicName !== undefined) topicPartitions.push({ topicId, topicName, partitions });
    }
    return { topicPartitions };
  };
  return {
    errorCode: ErrorCode.NONE,
    groupId,
    groupState: stateOf(consumer),
    groupEpoch: consumer.epoch,
    assignmentEpoch: consumer.assignmentEpoch,
    assignorName: assignorOf(consumer),
    authorizedOperations,
    members: Array.from(consumer.members.values(), ({ memberId, said, current }) => ({
      memberId,
      instanceId: said.instanceId,
      rackId: said.rackId,
      memberEpoch: current.memberEpoch,
      clientId: said.clientId,
      clientHost: said.clientHost,
      subscribedTopicNames: said.subscribedTopicNames,
      subscribedTopicRegex: said.subscribedTopicRegex || null,
      assignment: named(current.assigned),
      targetAssignment: named(consumer.targets.get(memberId) ?? NOTHING),
      memberType: said.classicMemberMetadata ? MemberType.classic : MemberType.consumer,
    })),
  };
}

export const undescribed = (
  groupId: string,
  error: ErrorName,
  errorMessage: string | null = null,
): DescribedGroup => ({
  errorCode: ErrorCode[error],
  errorMessage,
  groupId,
  groupState: '',
  groupEpoch: 0,
  assignmentEpoch: 0,
  assignorName: '',
  members: [],
});
