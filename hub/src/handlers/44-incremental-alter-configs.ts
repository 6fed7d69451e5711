import { changeConfigs } from '../metadata/config-changes.ts';
import { alterResources } from './alter-resources.ts';
import type { Handler } from './handler.ts';

/**
 * IncrementalAlterConfigs: sets, deletes, appends to or subtracts from single configs of topics, or those of this broker that
 * can be changed while it runs; the others stay [KIP-339].
 *
 * An unknown operation is INVALID_REQUEST (in Kafka an internal error). Values are kept as they were written, without white
 * space around them; a policy with nothing left in it is INVALID_CONFIG.
 *
 * Left out: configs of brokers that are settings, read when it starts (INVALID_REQUEST naming them), and other resources.
 */
export const incrementalAlterConfigs: Handler<'incrementalAlterConfigs'> = (request, { broker }) =>
  alterResources(request, broker, ({ configs }, before, definitions) => {
    const changes = configs.map(({ name, value, configOperation: operation }) => ({
      name,
      value,
      operation,
    }));
    return changeConfigs(definitions, before, changes);
  });
