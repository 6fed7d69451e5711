import { formatAddress } from '@edgelog/runtime';
import { ErrorCode, type ErrorName, type RequestOf } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import { brokerConfigDefinitions } from '../metadata/broker-config.ts';
import { ConfigSource } from '../metadata/config-definition.ts';
import { ConfigResource } from '../metadata/config-resource.ts';
import { type DescribedConfig, describeTopicConfigs } from '../metadata/described-configs.ts';
import type { Client } from '../net/dispatcher.ts';
import type { Handler, Item } from './handler.ts';

/**
 * DescribeConfigs: configs of topics (type 2) and of this broker (type 4), all or those named. Values that have no effect yet
 * say so in their documentation, which is sent on request from 3 on.
 *
 * Left out: broker loggers, client metrics and groups (INVALID_REQUEST); cluster-wide broker defaults, which are none.
 */
export const describeConfigs: Handler<'describeConfigs'> = (request, { broker, client }) => ({
  results: request.resources.map((resource): ResultItem => {
    const { resourceType, resourceName } = resource;
    const outcome = describe(resource, broker, client);
    if ('error' in outcome) {
      const errorCode = ErrorCode[outcome.error];
      return { errorCode, errorMessage: outcome.message, resourceType, resourceName, configs: [] };
    }
    const keys = resource.configurationKeys;
    const chosen =
      keys === null ? outcome.configs : outcome.configs.filter(({ name }) => keys.includes(name));
    return {
      errorCode: ErrorCode.NONE,
      errorMessage: null,
      resourceType,
      resourceName,
      configs: chosen.map((config) => present(config, outcome.readOnly, request)),
    };
  }),
});

type ResultItem = Item<'describeConfigs', 'results'>;
type Resource = RequestOf<'describeConfigs'>['resources'][number];
type Outcome = { configs: DescribedConfig[]; readOnly: boolean } | { error: ErrorName; message: string };

function describe({ resourceType, resourceName }: Resource, broker: Broker, client: Client): Outcome {
  if (resourceType === ConfigResource.topic) {
    const topic = broker.topics.get(resourceName);
    if (topic === undefined) return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: 'no such topic' };
    return { configs: describeTopicConfigs(broker.topics.definitions, topic.configs), readOnly: false };
  }
  if (resourceType === ConfigResource.broker) {
    if (resourceName === '') return { configs: [], readOnly: true };
    if (resourceName !== String(broker.nodeId)) {
      return { error: 'INVALID_REQUEST', message: `this is broker ${broker.nodeId}, not ${resourceName}` };
    }
    const advertised = formatAddress(broker.endpointFor(client));
    const configs = brokerConfigDefinitions(broker.settings, advertised).map((definition) => ({
      name: definition.name,
      value: definition.default,
      source: ConfigSource.staticBroker,
      definition,
    }));
    return { configs, readOnly: true };
  }
  return { error: 'INVALID_REQUEST', message: `resource type ${resourceType} is not supported` };
}

function present(
  { name, value, source, definition }: DescribedConfig,
  readOnly: boolean,
  { includeSynonyms, includeDocumentation }: RequestOf<'describeConfigs'>,
): NonNullable<ResultItem['configs']>[number] {
  return {
    name,
    value,
    readOnly,
    configSource: source,
    isSensitive: false,
    synonyms: includeSynonyms ? synonymsOf({ name, value, source, definition }) : [],
    configType: definition.type,
    documentation: includeDocumentation ? definition.doc : null,
  };
}

/** The values that a config has or would fall back to, the one in force first. */
function synonymsOf({ name, value, source, definition }: DescribedConfig) {
  const own = { name, value, source };
  return source === ConfigSource.topic
    ? [own, { name, value: definition.default, source: ConfigSource.default }]
    : [own];
}
