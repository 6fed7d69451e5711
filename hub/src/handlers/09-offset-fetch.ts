import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * OffsetFetch: a group's positions, of the partitions asked for or of all. From 8 on several groups at once. Rules: ../group.
 */
export const offsetFetch: Handler<'offsetFetch'> = (request, context) =>
  context.broker.groups.offsetFetch(request, groupContext(context));
