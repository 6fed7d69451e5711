import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * ConsumerGroupHeartbeat: all that a member of a KIP-848 group says, and is told. Rules: ../group/consumer.
 *
 * In version 0 the coordinator names a member that does not name itself. Left out: upgrade of a classic group that has members.
 */
export const consumerGroupHeartbeat: Handler<'consumerGroupHeartbeat'> = (request, context) =>
  context.broker.groups.consumerGroupHeartbeat(request, groupContext(context));
