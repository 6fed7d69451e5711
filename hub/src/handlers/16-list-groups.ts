import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * ListGroups: the groups that this broker coordinates, COORDINATOR_LOAD_IN_PROGRESS while it does not know all of them; from 4 on
 * filtered by state, from 5 on by type. Rules: ../group.
 */
export const listGroups: Handler<'listGroups'> = (request, context) =>
  context.broker.groups.listGroups(request, groupContext(context));
