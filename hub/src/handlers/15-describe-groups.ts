import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * DescribeGroups: state, members and assignments of groups. Left out: authorized operations (there are no ACLs yet).
 */
export const describeGroups: Handler<'describeGroups'> = (request, context) =>
  context.broker.groups.describeGroups(request, groupContext(context));
