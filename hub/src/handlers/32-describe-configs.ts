import { formatAddress } from '@edgelog/runtime';
import { ErrorCode, type ErrorName, illegalTopicName, type RequestOf } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import { describeBrokerConfigs } from '../metadata/broker-config.ts';
import { ConfigSource } from '../metadata/config-definition.ts';
import { ConfigResource } from '../metadata/config-resource.ts';
import { type DescribedConfig, describeTopicConfigs } from '../metadata/described-configs.ts';
import { DYNAMIC_BROKER_CONFIGS, describeDynamicConfigs } from '../metadata/dynamic-broker-config.ts';
import { GROUP_CONFIGS } from '../metadata/group-config.ts';
import type { Client } from '../net/dispatcher.ts';
import { distinctBy } from '../repeated.ts';
import type { Handler, Item } from './handler.ts';

/**
 * DescribeConfigs: configs of topics (type 2), of this broker (type 4) and of groups (type 32, the same for all of them), all or
 * those named; a resource named twice is described once, or a small request could ask for gigabytes. Values that have no effect yet say so in their documentation, which is sent on request from 3 on.
 *
 * Left out: broker loggers (INVALID_REQUEST); client metrics and cluster-wide broker defaults, which are none.
 */
export const describeConfigs: Handler<'describeConfigs'> = (request, { broker, client }) => ({
  results: distinctBy(request.resources, keyOf).map((resource): ResultItem => {
    const { resourceType, resourceName } = resource;
    const outcome = describe(resource, broker, client);
    if ('error' in outcome) {
      const errorCode = ErrorCode[outcome.error];
      return { errorCode, errorMessage: outcome.message, resourceType, resourceName, configs: [] };
    }
    const keys = resource.configurationKeys;
    const chosen =
      keys === null || keys.length === 0
        ? outcome.configs
        : outcome.configs.filter(({ name }) => keys.includes(name));
    return {
      errorCode: ErrorCode.NONE,
      errorMessage: null,
      resourceType,
      resourceName,
      configs: chosen.map((config) =>
        present(config, outcome.readOnly && !DYNAMIC_BROKER_CONFIGS.has(config.name), request),
      ),
    };
  }),
});

const keyOf = ({ resourceType, resourceName }: Resource) => `${resourceType} ${resourceName}`;

type ResultItem = Item<'describeConfigs', 'results'>;
type Resource = RequestOf<'describeConfigs'>['resources'][number];
type Outcome =
  | { configs: readonly DescribedConfig[]; readOnly: boolean }
  | { error: ErrorName; message: string };

function describe({ resourceType, resourceName }: Resource, broker: Broker, client: Client): Outcome {
  if (resourceType === ConfigResource.topic) {
    const topic = broker.topics.get(resourceName);
    if (topic === undefined) {
      const illegal = illegalTopicName(resourceName);
      return illegal === undefined
        ? { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: 'no such topic' }
        : { error: 'INVALID_TOPIC_EXCEPTION', message: illegal };
    }
    const configs = describeTopicConfigs(broker.topics.definitions, topic.configs, broker.settings);
    return { configs, readOnly: false };
  }
  if (resourceType === ConfigResource.broker) {
    if (resourceName === '') return { configs: [], readOnly: true };
    if (resourceName !== String(broker.nodeId)) {
      return { error: 'INVALID_REQUEST', message: `this is broker ${broker.nodeId}, not ${resourceName}` };
    }
    return {
      configs: [
        ...describeBrokerConfigs(broker.settings, formatAddress(broker.endpointFor(client))),
        ...describeDynamicConfigs(broker.brokerConfigs.get(String(broker.nodeId))),
      ],
      readOnly: true,
    };
  }
  if (resourceType === ConfigResource.group) return { configs: GROUP_CONFIGS, readOnly: true };
  // There is none by any name, which is no error.
  if (resourceType === ConfigResource.clientMetrics && resourceName !== '')
    return { configs: [], readOnly: true };
  return { error: 'INVALID_REQUEST', message: `resource type ${resourceType} is not supported` };
}

function present(
  config: DescribedConfig,
  readOnly: boolean,
  { includeSynonyms, includeDocumentation }: RequestOf<'describeConfigs'>,
): NonNullable<ResultItem['configs']>[number] {
  const { name, value, source, definition } = config;
  return {
    name,
    value,
    readOnly,
    configSource: source,
    isSensitive: false,
    synonyms: includeSynonyms ? synonymsOf(config) : [],
    configType: definition.type,
    documentation: includeDocumentation ? definition.doc : null,
  };
}

/** The values that a config has or would fall back to, the one in force first, each by the name that it has where it is set. */
function synonymsOf({ name, value, source, fallback }: DescribedConfig) {
  const own = { name, value, source };
  if (fallback === undefined) return source === ConfigSource.default ? [] : [own];
  return source === fallback.source ? [fallback] : [own, fallback];
}
