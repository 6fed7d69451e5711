import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * LeaveGroup: members leave at once; from 3 on several, and static ones by name. Rules: ../group.
 */
export const leaveGroup: Handler<'leaveGroup'> = (request, context) =>
  context.broker.groups.leaveGroup(request, groupContext(context));
