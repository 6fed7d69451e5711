import { syncFailure } from '../group/responses.ts';
import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * SyncGroup: the leader hands in the assignment, every member gets its own. Rules: ../group.
 *
 * From 5 on a member says which protocol it means [KIP-559]; without it INCONSISTENT_GROUP_PROTOCOL.
 */
export const syncGroup: Handler<'syncGroup'> = (request, context) =>
  context.apiVersion >= 5 && (request.protocolType === null || request.protocolName === null)
    ? syncFailure('INCONSISTENT_GROUP_PROTOCOL')
    : context.broker.groups.syncGroup(request, groupContext(context));
