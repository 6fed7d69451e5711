import { ErrorCode } from '@edgelog/wire';
import { ConfigResource } from '../metadata/config-resource.ts';
import type { Handler } from './handler.ts';

const KNOWN: ReadonlySet<number> = new Set(Object.values(ConfigResource));

/**
 * ListConfigResources: what DescribeConfigs has something to say about: topics and brokers, of which each describes
 * itself. Version 0 lists client metrics
 * only, and there are none; nor are there loggers or groups with a configuration of their own. No types asked for means all,
 * an unknown one is UNSUPPORTED_VERSION [KIP-1142].
 */
export const listConfigResources: Handler<'listConfigResources'> = (
  request,
  { broker, client, apiVersion },
) => {
  if (request.resourceTypes.some((type) => !KNOWN.has(type)))
    return { errorCode: ErrorCode.UNSUPPORTED_VERSION, configResources: [] };
  if (apiVersion === 0) return { errorCode: ErrorCode.NONE, configResources: [] };
  const all = [
    ...Array.from(broker.topics.all(), ({ name }) => resource(name, ConfigResource.topic)),
    ...broker.cluster
      .nodes(client.local)
      .map(({ nodeId }) => resource(String(nodeId), ConfigResource.broker)),
  ];
  const types = request.resourceTypes;
  const configResources =
    types.length === 0 ? all : all.filter(({ resourceType }) => types.includes(resourceType));
  return { errorCode: ErrorCode.NONE, configResources };
};

function resource(resourceName: string, resourceType: number) {
  return { resourceName, resourceType };
}
