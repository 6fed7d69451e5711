import type { ConsumerGroupRecord, ConsumerMemberValue } from '../records/index.ts';
import { groupOf, type Shard } from '../state.ts';
import { assignmentOf, partitionsOf } from './assignment.ts';
import {
  type ConsumerMember,
  type ConsumerState,
  type Current,
  createConsumerState,
  newCurrent,
} from './state.ts';

/** Applies one record; the coordinator changes its own state by this only, so that recovery comes to the same. */
export function replayConsumer(shard: Shard, record: ConsumerGroupRecord): void {
  const consumer = shard.groups.get(record.groupId)?.consumer;
  if (record.value === null) {
    if (consumer) forget(shard, consumer, record);
    return;
  }
  const group = groupOf(shard, record.groupId);
  group.consumer ??= createConsumerState();
  learn(group.consumer, record);
}

function learn(consumer: ConsumerState, record: ConsumerGroupRecord): void {
  const { type, value } = record;
  if (value === null) return;
  switch (type) {
    case 'consumerGroup':
      consumer.epoch = value.epoch;
      consumer.metadataHash = value.metadataHash;
      break;
    case 'targetEpoch':
      consumer.assignmentEpoch = value.assignmentEpoch;
      break;
    case 'consumerMember':
      memberOf(consumer, record.memberId).said = ownMetadata(value);
      if (value.instanceId !== null) consumer.staticMembers.set(value.instanceId, record.memberId);
      break;
    case 'targetAssignment':
      consumer.targets.set(record.memberId, assignmentOf(value.topicPartitions));
      break;
    case 'currentAssignment':
      setCurrent(consumer, memberOf(consumer, record.memberId), {
        memberEpoch: value.memberEpoch,
        previousMemberEpoch: value.previousMemberEpoch,
        state: value.state,
        assigned: assignmentOf(value.assignedPartitions),
        pendingRevocation: assignmentOf(value.partitionsPendingRevocation),
      });
      break;
    case 'regularExpression':
      consumer.patterns.set(record.regularExpression, value.topics);
  }
}

/** Its own copy of the buffers, which may be views into the batch that was read. */
function ownMetadata(value: ConsumerMemberValue): ConsumerMemberValue {
  const classic = value.classicMemberMetadata;
  if (classic === null) return value;
  const supportedProtocols = classic.supportedProtocols.map(({ name, metadata }) => ({
    name,
    metadata: Buffer.from(metadata),
  }));
  return { ...value, classicMemberMetadata: { ...classic, supportedProtocols } };
}

function forget(shard: Shard, consumer: ConsumerState, record: ConsumerGroupRecord): void {
  switch (record.type) {
    case 'consumerGroup': {
      const group = shard.groups.get(record.groupId)!;
      group.consumer = undefined;
      if (group.offsets.size === 0 && group.recorded === undefined) shard.groups.delete(record.groupId);
      break;
    }
    case 'targetEpoch':
      consumer.assignmentEpoch = 0;
      break;
    case 'consumerMember': {
      const member = consumer.members.get(record.memberId);
      if (!member) break;
      setCurrent(consumer, member, newCurrent);
      consumer.members.delete(record.memberId);
      const { instanceId } = member.said;
      if (instanceId !== null && consumer.staticMembers.get(instanceId) === record.memberId)
        consumer.staticMembers.delete(instanceId);
      break;
    }
    case 'targetAssignment':
      consumer.targets.delete(record.memberId);
      break;
    case 'currentAssignment': {
      const member = consumer.members.get(record.memberId);
      if (member) setCurrent(consumer, member, newCurrent);
      break;
    }
    case 'regularExpression':
      consumer.patterns.delete(record.regularExpression);
  }
}

function memberOf(consumer: ConsumerState, memberId: string): ConsumerMember {
  const known = consumer.members.get(memberId);
  if (known) return known;
  const member: ConsumerMember = {
    memberId,
    said: unsaid,
    current: newCurrent,
    sessionDeadline: Number.POSITIVE_INFINITY,
    rebalanceDeadline: Number.POSITIVE_INFINITY,
  };
  consumer.members.set(memberId, member);
  return member;
}

const unsaid: ConsumerMember['said'] = {
  instanceId: null,
  rackId: null,
  clientId: '',
  clientHost: '',
  subscribedTopicNames: [],
  subscribedTopicRegex: null,
  rebalanceTimeoutMs: -1,
  serverAssignor: null,
  classicMemberMetadata: null,
};

function setCurrent({ owners }: ConsumerState, member: ConsumerMember, current: Current): void {
  for (const [topicId, partition] of heldBy(member.current)) {
    const partitions = owners.get(topicId);
    if (partitions?.get(partition) !== member.memberId) continue;
    partitions.delete(partition);
    if (partitions.size === 0) owners.delete(topicId);
  }
  member.current = current;
  for (const [topicId, partition] of heldBy(current)) {
    const partitions = owners.get(topicId) ?? new Map<number, string>();
    owners.set(topicId, partitions);
    partitions.set(partition, member.memberId);
  }
}

function* heldBy({ assigned, pendingRevocation }: Current) {
  yield* partitionsOf(assigned);
  yield* partitionsOf(pendingRevocation);
}
