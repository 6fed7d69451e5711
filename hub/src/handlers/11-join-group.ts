import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * JoinGroup: enters a group, or its next generation; the answer comes when the join phase ends. Rules: ../group.
 *
 * From 4 on a new member is first sent away with its member id [KIP-394]; 5 has static members [KIP-345]. A failure's protocol
 * name is empty, where Kafka has null from 7 on.
 */
export const joinGroup: Handler<'joinGroup'> = (request, context) =>
  context.broker.groups.joinGroup(request, groupContext(context));
