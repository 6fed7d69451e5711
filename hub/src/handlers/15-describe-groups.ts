import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * DescribeGroups: state, members and assignments of groups; one named twice is answered once. Left out: what may be done with a group's
 * configs, of which there are none that can be set.
 */
export const describeGroups: Handler<'describeGroups'> = (request, context) =>
  context.broker.groups.describeGroups(
    { ...request, groups: [...new Set(request.groups)] },
    groupContext(context),
  );
