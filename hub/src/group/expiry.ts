import { recordOffset } from './offsets.ts';
import type { OffsetCommitValue } from './records/index.ts';
import type { Group, Shard } from './state.ts';
import type { Step } from './step.ts';

/** The periodic pass: offsets past their retention go, and empty groups that have none left. */
export function expireOffsets(step: Step, shard: Shard): void {
  for (const group of [...shard.groups.values()]) {
    if (group.state !== 'Empty') continue;
    dropOffsets(step, shard, group, (value) => isExpired(step, group, value));
    if (group.offsets.size === 0 && group.pendingJoin.size === 0) {
      step.records.push({ type: 'group', groupId: group.groupId, value: null });
      shard.groups.delete(group.groupId);
    }
  }
}

/** Offsets of a topic that is gone would mislead who reads a new one of the same name. */
export function dropTopic(step: Step, shard: Shard, topic: string): void {
  for (const group of shard.groups.values()) dropOffsets(step, shard, group, (_, name) => name === topic);
}

function dropOffsets(
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

/**
 * Retention counts from when the group became empty; for one that never had members, from the commit [KIP-211]. A time
 * that an old client named holds as it is.
 */
function isExpired(step: Step, group: Group, value: OffsetCommitValue): boolean {
  const { wallMs } = step.now;
  if (value.expireTimestamp !== -1) return wallMs >= value.expireTimestamp;
  const hadMembers = group.protocolType !== null && group.stateTimestamp !== -1;
  const since = hadMembers ? Math.max(group.stateTimestamp, value.commitTimestamp) : value.commitTimestamp;
  return wallMs - since >= step.settings.offsetsRetentionMs;
}
