import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * SyncGroup: the leader hands in the assignment, every member gets its own. Rules: ../group.
 */
export const syncGroup: Handler<'syncGroup'> = (request, context) =>
  context.broker.groups.syncGroup(request, groupContext(context));
