import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * OffsetDelete: takes back what a group committed for partitions that it does not read. Rules: ../group.
 *
 * A partition that does not exist is refused with UNKNOWN_TOPIC_OR_PARTITION, the others are deleted.
 */
export const offsetDelete: Handler<'offsetDelete'> = (request, context) =>
  context.broker.groups.offsetDelete(request, groupContext(context));
