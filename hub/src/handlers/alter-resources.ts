import { EdgelogError } from '@edgelog/base';
import { ErrorCode, type ErrorName, illegalTopicName } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import type { ConfigOutcome } from '../metadata/config-changes.ts';
import type { ConfigDefinition } from '../metadata/config-definition.ts';
import { ConfigResource } from '../metadata/config-resource.ts';
import { DYNAMIC_BROKER_CONFIGS } from '../metadata/dynamic-broker-config.ts';
import { repeatedIn } from '../repeated.ts';

/** Attempts to change what others change too. */
const SWAPS_MAX = 5;

interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly configs: readonly { readonly name: string }[];
}

interface Altered {
  errorCode: number;
  errorMessage: string | null;
  resourceType: number;
  resourceName: string;
}

/**
 * What AlterConfigs and IncrementalAlterConfigs have in common: each resource is altered or refused by itself, and the answer
 * comes when those altered are durable. `change` gives the new configs from those set before, of what `definitions` allow.
 */
export async function alterResources<R extends Resource>(
  { resources, validateOnly }: { resources: readonly R[]; validateOnly: boolean },
  broker: Broker,
  change: (
    resource: R,
    before: Readonly<Record<string, string>>,
    definitions: ReadonlyMap<string, ConfigDefinition>,
  ) => ConfigOutcome,
): Promise<{ responses: Altered[] }> {
  const keyOf = ({ resourceType, resourceName }: Resource) => `${resourceType} ${resourceName}`;
  const repeated = repeatedIn(resources.map(keyOf));
  const responses = resources.map(async (resource): Promise<Altered> => {
    const fault = repeated.has(keyOf(resource))
      ? refuse('INVALID_REQUEST', 'the request names this resource more than once')
      : await alter(resource);
    const { resourceType, resourceName } = resource;
    return { ...(fault ?? { errorCode: ErrorCode.NONE, errorMessage: null }), resourceType, resourceName };
  });
  return { responses: await Promise.all(responses) };

  async function alter(resource: R): Promise<ReturnType<typeof refuse> | undefined> {
    const { resourceType, resourceName } = resource;
    if (resourceType === ConfigResource.topic) return alterTopic(resource);
    if (resourceType === ConfigResource.broker) return alterBroker(resource);
    return refuse('INVALID_REQUEST', `resource ${resourceName} of type ${resourceType} is not supported`);
  }

  async function alterTopic(resource: R): Promise<ReturnType<typeof refuse> | undefined> {
    const topic = broker.topics.get(resource.resourceName);
    if (topic === undefined) return noSuchTopic(resource.resourceName);
    const outcome = change(resource, topic.configs, broker.topics.definitions);
    if ('error' in outcome) return refuse(outcome.error, outcome.message);
    if (validateOnly) return undefined;
    const refused = await broker.topicAdmin.setConfigs(topic, outcome.configs);
    if (refused !== undefined) return refuse(refused.error, refused.message);
    broker.log.info('topic configs changed', { topic: topic.name, configs: outcome.configs });
    return undefined;
  }

  async function alterBroker(resource: R): Promise<ReturnType<typeof refuse> | undefined> {
    const fixed = refuseBroker(resource, broker.nodeId);
    if (fixed !== undefined || resource.configs.length === 0) return fixed;
    const { brokerConfigs, nodeId, log } = broker;
    const key = String(nodeId);
    for (let attempt = 0; attempt < SWAPS_MAX; attempt++) {
      const known = brokerConfigs.get(key);
      const outcome = change(resource, known ?? {}, DYNAMIC_BROKER_CONFIGS);
      if ('error' in outcome) return refuse(outcome.error, outcome.message);
      if (validateOnly) return undefined;
      try {
        if (!(await brokerConfigs.swap(key, known, outcome.configs))) continue;
      } catch (error) {
        if (!(error instanceof EdgelogError)) throw error;
        return refuse('REQUEST_TIMED_OUT', error.message);
      }
      log.info('broker configs changed', { configs: outcome.configs });
      return undefined;
    }
    return refuse('REQUEST_TIMED_OUT', 'others change the same configs');
  }
}

function noSuchTopic(name: string) {
  if (name === '') return refuse('INVALID_REQUEST', 'topics have no default configs: name one');
  const illegal = illegalTopicName(name);
  return illegal === undefined
    ? refuse('UNKNOWN_TOPIC_OR_PARTITION', 'no such topic')
    : refuse('INVALID_TOPIC_EXCEPTION', illegal);
}

function refuse(error: ErrorName, errorMessage: string) {
  return { errorCode: ErrorCode[error], errorMessage };
}

/** Most of a broker's configs are its settings, read when it starts. An empty name means the defaults of all brokers. */
function refuseBroker({ resourceName, configs }: Resource, nodeId: number) {
  if (resourceName !== '' && resourceName !== String(nodeId))
    return refuse('INVALID_REQUEST', `this is broker ${nodeId}, not ${resourceName}`);
  const fixed = configs.filter(({ name }) => resourceName === '' || !DYNAMIC_BROKER_CONFIGS.has(name));
  if (fixed.length === 0) return undefined;
  const names = fixed.map(({ name }) => name).join(', ');
  return refuse(
    'INVALID_REQUEST',
    `broker configs are changed in the hub's settings and take a restart: cannot change ${names}`,
  );
}
