import { groupContext } from './group-context.ts';
import type { Handler } from './handler.ts';

/**
 * ConsumerGroupDescribe: epochs, members and assignments of KIP-848 groups; of classic ones GROUP_ID_NOT_FOUND, as Kafka does. One named
 * twice is answered once.
 */
export const consumerGroupDescribe: Handler<'consumerGroupDescribe'> = (request, context) =>
  context.broker.groups.consumerGroupDescribe(
    { ...request, groupIds: [...new Set(request.groupIds)] },
    groupContext(context),
  );
