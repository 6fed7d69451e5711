import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * OffsetCommit: stores a group's positions in `__consumer_offsets`; answered when they are committed. Rules: ../group.
 *
 * An empty group id, which Kafka takes, is INVALID_GROUP_ID: two consumers that forgot to name a group would overwrite each
 * other's positions. A partition that does not exist is refused with UNKNOWN_TOPIC_OR_PARTITION, the others are stored.
 */
export const offsetCommit: Handler<'offsetCommit'> = (request, context) =>
  context.broker.groups.offsetCommit(request, groupContext(context));
