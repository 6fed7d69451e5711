import { ConfigOperation, changeConfigs } from '../metadata/config-changes.ts';
import { alterResources } from './alter-resources.ts';
import type { Handler } from './handler.ts';

/**
 * AlterConfigs: the configs given become all that is set for a topic or, of what can be changed while it runs, for this
 * broker; what is not named goes back to its default. Deprecated
 * in Kafka for that reason, and still sent by old tools.
 *
 * Left out: configs of brokers that are settings, read when it starts (INVALID_REQUEST naming them), and other resources.
 */
export const alterConfigs: Handler<'alterConfigs'> = (request, { broker }) =>
  alterResources(request, broker, ({ configs }, _before, definitions) => {
    const changes = configs.map(({ name, value }) => ({ name, value, operation: ConfigOperation.set }));
    return changeConfigs(definitions, {}, changes);
  });
