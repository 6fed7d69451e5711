import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * ListGroups: the groups of this broker; from 4 on filtered by state, from 5 on by type. Rules: ../group.
 */
export const listGroups: Handler<'listGroups'> = (request, context) =>
  context.broker.groups.listGroups(request, groupContext(context));
