import { ErrorCode, type ErrorName } from '@edgelog/wire';
import { endConsumerGroup } from './consumer/members.ts';
import type { OffsetDeleteRequest, OffsetDeleteResponse, Ticket } from './messages.ts';
import { recordOffset } from './offsets.ts';
import type { OffsetCommitValue } from './records/index.ts';
import type { Group, Shard } from './state.ts';
import type { Step } from './step.ts';
import { isConsumerGroup, subscribedTopics } from './subscriptions.ts';

export interface DeleteGroupEvent {
  readonly type: 'deleteGroup';
  readonly groupId: string;
  readonly ticket: Ticket;
}

export interface OffsetDeleteEvent {
  readonly type: 'offsetDelete';
  readonly groupId: string;
  readonly ticket: Ticket;
  readonly request: OffsetDeleteRequest;
  readonly topicExists: (topic: string, partition: number) => boolean;
}

/** One group of a DeleteGroups: only who has no members can go. */
export function deleteGroup(step: Step, shard: Shard, { groupId, ticket }: DeleteGroupEvent): void {
  const group = shard.groups.get(groupId);
  const error: ErrorName =
    group === undefined ? 'GROUP_ID_NOT_FOUND' : hasMembers(group) ? 'NON_EMPTY_GROUP' : 'NONE';
  if (group !== undefined && error === 'NONE') {
    dropOffsets(step, shard, group, () => true);
    removeGroup(step, shard, group);
  }
  step.reply('deleteGroup', ticket, { groupId, errorCode: ErrorCode[error] });
}

const hasMembers = ({ state, consumer }: Group) => state !== 'Empty' || (consumer?.members.size ?? 0) > 0;

/** OffsetDelete [KIP-496]: also of a live group, as long as its members do not read the topic. */
export function deleteOffsets(step: Step, shard: Shard, event: OffsetDeleteEvent): void {
  const { request, ticket } = event;
  const group = shard.groups.get(request.groupId);
  const error = refusal(group, request.groupId);
  if (group === undefined || error !== undefined) {
    step.reply('offsetDelete', ticket, offsetDeleteFailure(error ?? 'GROUP_ID_NOT_FOUND'));
    return;
  }
  const subscribed = subscribedTopics(group);
  const topics = request.topics.map(({ name, partitions }) => {
    const isRead = subscribed?.has(name) ?? isConsumerGroup(group);
    return {
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        const verdict = deleteOne(step, shard, event, name, partitionIndex, isRead);
        return { partitionIndex, errorCode: ErrorCode[verdict] };
      }),
    };
  });
  step.reply('offsetDelete', ticket, { errorCode: ErrorCode.NONE, topics });
}

/** Of members that are no consumers nobody knows what they read. */
function refusal(group: Group | undefined, groupId: string): ErrorName | undefined {
  if (groupId === '') return 'INVALID_GROUP_ID';
  if (group === undefined) return 'GROUP_ID_NOT_FOUND';
  return group.state === 'Empty' || isConsumerGroup(group) ? undefined : 'NON_EMPTY_GROUP';
}

function deleteOne(
  step: Step,
  shard: Shard,
  { groupId, topicExists }: OffsetDeleteEvent,
  topic: string,
  partition: number,
  isRead: boolean,
): ErrorName {
  if (!topicExists(topic, partition)) return 'UNKNOWN_TOPIC_OR_PARTITION';
  if (isRead) return 'GROUP_SUBSCRIBED_TO_TOPIC';
  if (shard.groups.get(groupId)?.offsets.get(topic)?.has(partition)) {
    recordOffset(step, shard, { type: 'offset', groupId, topic, partition, value: null });
  }
  return 'NONE';
}

export const offsetDeleteFailure = (error: ErrorName): OffsetDeleteResponse => ({
  errorCode: ErrorCode[error],
  topics: [],
});

/** Takes back, on record, the commits that `goes` says it of. */
export function dropOffsets(
  step: Step,
  shard: Shard,
  group: Group,
  goes: (value: OffsetCommitValue, topic: string) => boolean,
): void {
  for (const [topic, partitions] of group.offsets) {
    for (const [partition, value] of partitions) {
      if (!goes(value, topic)) continue;
      recordOffset(step, shard, { type: 'offset', groupId: group.groupId, topic, partition, value: null });
    }
  }
}

/** Ends a group that has neither members nor offsets. */
export function removeGroup(step: Step, shard: Shard, group: Group): void {
  const { groupId, consumer } = group;
  if (consumer) {
    endConsumerGroup(step, shard, group);
    return;
  }
  step.records.push({ type: 'group', groupId, value: null });
  shard.groups.delete(groupId);
}
