import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * Heartbeat: a member says that it lives and learns that a rebalance began. Rules: ../group.
 */
export const heartbeat: Handler<'heartbeat'> = (request, context) =>
  context.broker.groups.heartbeat(request, groupContext(context));
