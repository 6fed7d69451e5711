import { ErrorCode, type ErrorName } from '@edgelog/wire';
import { consumerCommitError, hasSinceBefore } from './consumer/offsets.ts';
import { generationOf, memberError, renewSession } from './membership.ts';
import {
  NAME_UNITS_MAX,
  type OffsetCommitRequest,
  type OffsetFetchRequest,
  type RequestContext,
  type Ticket,
} from './messages.ts';
import type { GroupRecord, OffsetCommitValue } from './records/index.ts';
import { type Group, groupOf, type Shard } from './state.ts';
import type { Step } from './step.ts';

export interface OffsetCommitEvent {
  readonly type: 'offsetCommit';
  readonly groupId: string;
  readonly ticket: Ticket;
  readonly request: OffsetCommitRequest;
  readonly context: RequestContext;
  readonly topicExists: (topic: string, partition: number) => boolean;
}

type OffsetRecord = Extract<GroupRecord, { type: 'offset' }>;

/** From this version a group that does not exist may be called so. */
const GROUP_ID_NOT_FOUND_SINCE = 9;

/** OffsetCommit, of a member of the generation or of a client that manages its partitions by itself (generation −1). */
export function commitOffsets(step: Step, shard: Shard, event: OffsetCommitEvent): void {
  const { request } = event;
  const error = commitError(step, shard.groups.get(request.groupId), event);
  const { consumer } = shard.groups.get(request.groupId) ?? {};
  const { memberId, generationIdOrMemberEpoch: epoch } = request;
  const isLate = (name: string, partition: number) =>
    consumer !== undefined &&
    (error === 'STALE_MEMBER_EPOCH' || error === 'ILLEGAL_GENERATION') &&
    hasSinceBefore(consumer, memberId, epoch, step.topics.get(name)?.id, partition);
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((partition) => ({
      partitionIndex: partition.partitionIndex,
      errorCode:
        ErrorCode[
          error === undefined || isLate(name, partition.partitionIndex)
            ? commitOne(step, shard, event, name, partition)
            : error
        ],
    })),
  }));
  step.reply('offsetCommit', event.ticket, { throttleTimeMs: 0, topics });
}

function commitOne(
  step: Step,
  shard: Shard,
  { request, topicExists }: OffsetCommitEvent,
  topic: string,
  commit: OffsetCommitRequest['topics'][number]['partitions'][number],
): ErrorName {
  const metadata = commit.committedMetadata ?? '';
  // Counted as Kafka does, in UTF-16 units.
  if (metadata.length > step.settings.offsetMetadataBytesMax) return 'OFFSET_METADATA_TOO_LARGE';
  if (topic.length > NAME_UNITS_MAX) return 'INVALID_TOPIC_EXCEPTION';
  if (!topicExists(topic, commit.partitionIndex)) return 'UNKNOWN_TOPIC_OR_PARTITION';
  const { wallMs } = step.now;
  const value: OffsetCommitValue = {
    offset: commit.committedOffset,
    leaderEpoch: commit.committedLeaderEpoch,
    metadata,
    commitTimestamp: wallMs,
    expireTimestamp: request.retentionTimeMs === -1 ? -1 : wallMs + request.retentionTimeMs,
  };
  recordOffset(step, shard, {
    type: 'offset',
    groupId: request.groupId,
    topic,
    partition: commit.partitionIndex,
    value,
  });
  return 'NONE';
}

function commitError(step: Step, group: Group | undefined, event: OffsetCommitEvent): ErrorName | undefined {
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch: generation } = event.request;
  if (groupId === '' || groupId.length > NAME_UNITS_MAX) return 'INVALID_GROUP_ID';
  if (!group) {
    if (generation < 0) return undefined;
    return event.context.apiVersion >= GROUP_ID_NOT_FOUND_SINCE ? 'GROUP_ID_NOT_FOUND' : 'ILLEGAL_GENERATION';
  }
  if (group.consumer) {
    return consumerCommitError(group.consumer, memberId, generation, event.context.apiVersion);
  }
  if (generation < 0 && group.state === 'Empty') return undefined;
  const error = memberError(group, memberId, groupInstanceId);
  if (error !== undefined) return error;
  const member = group.members.get(memberId)!;
  if (generation !== generationOf(group, member)) return 'ILLEGAL_GENERATION';
  if (group.state === 'CompletingRebalance') return 'REBALANCE_IN_PROGRESS';
  renewSession(step, group, member);
  return undefined;
}

/** Emits the record and applies it: by the same function as recovery. */
export function recordOffset(step: Step, shard: Shard, record: OffsetRecord): void {
  step.records.push(record);
  applyOffset(shard, record);
}

export function applyOffset(shard: Shard, { groupId, topic, partition, value }: OffsetRecord): void {
  if (value === null) {
    const partitions = shard.groups.get(groupId)?.offsets.get(topic);
    if (partitions?.delete(partition) && partitions.size === 0)
      shard.groups.get(groupId)!.offsets.delete(topic);
    return;
  }
  const { offsets } = groupOf(shard, groupId);
  const partitions = offsets.get(topic) ?? new Map<number, OffsetCommitValue>();
  offsets.set(topic, partitions);
  partitions.set(partition, value);
}

type FetchedTopics = OffsetFetchRequest['topics'];

/**
 * The group's offsets for these partitions, −1 where nothing is committed; all there are for null. There are no
 * transactions yet, so every offset is stable.
 */
export function fetchOffsets(group: Group | undefined, topics: FetchedTopics) {
  if (topics === null) {
    return Array.from(group?.offsets ?? [], ([name, partitions]) => ({
      name,
      partitions: Array.from(partitions, ([index, value]) => fetched(index, value)),
    }));
  }
  return topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((index) => fetched(index, group?.offsets.get(name)?.get(index))),
  }));
}

export const fetched = (
  partitionIndex: number,
  value: OffsetCommitValue | undefined,
  error: ErrorName = 'NONE',
) => ({
  partitionIndex,
  committedOffset: value?.offset ?? -1,
  committedLeaderEpoch: value?.leaderEpoch ?? -1,
  metadata: value?.metadata ?? '',
  errorCode: ErrorCode[error],
});
