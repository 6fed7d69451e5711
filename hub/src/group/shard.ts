import { type ConsumerHeartbeatEvent, consumerHeartbeat } from './consumer/heartbeat.ts';
import { startSessions, wakeConsumerGroup } from './consumer/sessions.ts';
import type { TopicsView } from './consumer/topics.ts';
import { type DeleteGroupEvent, deleteGroup, deleteOffsets, type OffsetDeleteEvent } from './deletion.ts';
import { dropTopics, expireOffsets } from './expiry.ts';
import { type JoinEvent, join } from './join.ts';
import { renewSession } from './membership.ts';
import { commitOffsets, type OffsetCommitEvent } from './offsets.ts';
import { prepareRebalance } from './rebalance.ts';
import { type HeartbeatEvent, heartbeat, type LeaveEvent, leave, wakeGroup } from './sessions.ts';
import type { GroupSettings } from './settings.ts';
import type { Shard } from './state.ts';
import { type Moment, Step } from './step.ts';
import { type SyncEvent, sync } from './sync.ts';

export type GroupEvent =
  | JoinEvent
  | SyncEvent
  | HeartbeatEvent
  | LeaveEvent
  | OffsetCommitEvent
  | OffsetDeleteEvent
  | ConsumerHeartbeatEvent
  | DeleteGroupEvent
  /** A time that the shard asked for has come. */
  | { readonly type: 'wake'; readonly groupId: string }
  | { readonly type: 'topicDeleted'; readonly topic: string }
  /** The periodic look at offsets retention. */
  | { readonly type: 'expire' }
  /** After the last replayed record. Offsets of topics that are `isGone` are taken back. */
  | { readonly type: 'loaded'; readonly isGone?: (topic: string) => boolean };

/**
 * The coordinator of one partition of `__consumer_offsets`: what the event means for its groups. Draws on nothing but its
 * arguments. The records must be appended in order, and no reply may leave before they are durable.
 */
export function handle(
  shard: Shard,
  event: GroupEvent,
  now: Moment,
  settings: GroupSettings,
  topics?: TopicsView,
): Step {
  const step = new Step(now, settings, topics);
  switch (event.type) {
    case 'join':
      join(step, shard, event);
      break;
    case 'sync':
      sync(step, shard, event);
      break;
    case 'heartbeat':
      heartbeat(step, shard, event);
      break;
    case 'leave':
      leave(step, shard, event);
      break;
    case 'offsetCommit':
      commitOffsets(step, shard, event);
      break;
    case 'consumerHeartbeat':
      consumerHeartbeat(step, shard, event);
      break;
    case 'offsetDelete':
      deleteOffsets(step, shard, event);
      break;
    case 'deleteGroup':
      deleteGroup(step, shard, event);
      break;
    case 'wake': {
      const group = shard.groups.get(event.groupId);
      if (group?.consumer) wakeConsumerGroup(step, shard, group, group.consumer);
      else if (group) wakeGroup(step, group);
      break;
    }
    case 'topicDeleted':
      dropTopics(step, shard, (topic) => topic === event.topic);
      break;
    case 'expire':
      expireOffsets(step, shard);
      break;
    case 'loaded':
      if (event.isGone) dropTopics(step, shard, event.isGone);
      for (const group of shard.groups.values()) {
        for (const member of group.members.values()) renewSession(step, group, member);
        if (group.members.size > 0 && group.recorded?.leader === null) prepareRebalance(step, group);
        if (group.consumer) startSessions(step, group, group.consumer);
      }
      break;
  }
  return step;
}
