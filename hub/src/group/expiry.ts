import { dropOffsets, removeGroup } from './deletion.ts';
import type { OffsetCommitValue } from './records/index.ts';
import type { Group, Shard } from './state.ts';
import type { Step } from './step.ts';
import { subscribedTopics } from './subscriptions.ts';

/** The periodic pass: offsets past their retention go, and empty groups that have none left. */
export function expireOffsets(step: Step, shard: Shard): void {
  for (const group of [...shard.groups.values()]) {
    const { consumer } = group;
    if (group.state === 'Stable' || consumer) expireUnread(step, shard, group);
    if (consumer?.members.size === 0 && group.offsets.size === 0) removeGroup(step, shard, group);
    if (group.state !== 'Empty' || consumer) continue;
    const since = emptySince(group);
    dropOffsets(step, shard, group, (value) =>
      isExpired(step, value, Math.max(since, value.commitTimestamp)),
    );
    if (group.offsets.size === 0 && group.pendingJoin.size === 0) removeGroup(step, shard, group);
  }
}

/** Offsets of a topic that is gone would mislead who reads a new one of the same name. */
export function dropTopics(step: Step, shard: Shard, isGone: (topic: string) => boolean): void {
  for (const group of shard.groups.values()) {
    for (const topic of [...group.offsets.keys()]) {
      if (isGone(topic)) dropOffsets(step, shard, group, (_, name) => name === topic);
    }
  }
}

/** Of topics that the members of a live group no longer read; what a group that does not tell reads is kept [KIP-211]. */
function expireUnread(step: Step, shard: Shard, group: Group): void {
  if (group.offsets.size === 0) return;
  const subscribed = subscribedTopics(group);
  if (subscribed === undefined) return;
  dropOffsets(
    step,
    shard,
    group,
    (value, topic) => !subscribed.has(topic) && isExpired(step, value, value.commitTimestamp),
  );
}

/** −1 for a group that never had members: then only the commit counts [KIP-211]. */
const emptySince = ({ protocolType, stateTimestamp }: Group) => (protocolType === null ? -1 : stateTimestamp);

/** A time that an old client named holds as it is. */
function isExpired(step: Step, { expireTimestamp }: OffsetCommitValue, since: number): boolean {
  const { wallMs } = step.now;
  if (expireTimestamp !== -1) return wallMs >= expireTimestamp;
  return wallMs - since >= step.settings.offsetsRetentionMs;
}
