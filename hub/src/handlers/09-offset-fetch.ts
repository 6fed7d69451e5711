import { distinctBy } from '../repeated.ts';
import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * OffsetFetch: a group's positions, of the partitions asked for or of all. From 8 on several groups at once, one named
 * twice (by a client that wants a large answer) being answered once. Rules: ../group.
 */
export const offsetFetch: Handler<'offsetFetch'> = (request, context) =>
  context.broker.groups.offsetFetch(
    { ...request, groups: distinctBy(request.groups, ({ groupId }) => groupId) },
    groupContext(context),
  );
