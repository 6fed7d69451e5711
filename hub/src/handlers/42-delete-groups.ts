import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * DeleteGroups: groups without members go, with all they committed; answered when that is committed. Rules: ../group.
 */
export const deleteGroups: Handler<'deleteGroups'> = (request, context) =>
  context.broker.groups.deleteGroups(request, groupContext(context));
