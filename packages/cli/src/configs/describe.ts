import { apis } from '@edgelog/wire';
import { type Cluster, check } from '../kafka/cluster.ts';
import { printJson, printTable } from '../table.ts';
import { type Entity, type EntityType, findEntities } from './entity.ts';

export interface DescribeOptions {
  readonly entityType: EntityType;
  readonly entityName: readonly string[];
  readonly all: boolean;
  readonly json: boolean;
}

/** Where a value comes from, by Kafka's numbers. */
const SOURCES: Readonly<Record<number, string>> = {
  1: 'DYNAMIC_TOPIC_CONFIG',
  2: 'DYNAMIC_BROKER_CONFIG',
  3: 'DYNAMIC_DEFAULT_BROKER_CONFIG',
  4: 'STATIC_BROKER_CONFIG',
  5: 'DEFAULT_CONFIG',
};
const DEFAULT_SOURCE = 5;

/** What is set, or with `all` every config with its value in force. */
export async function describeConfigs(cluster: Cluster, options: DescribeOptions): Promise<number> {
  const entities = await findEntities(cluster, options.entityType, options.entityName);
  const described = await Promise.all(
    entities.map(async (entity) => ({
      entity,
      configs: (await configsOf(cluster, entity)).filter(
        ({ configSource }) => options.all || configSource !== DEFAULT_SOURCE,
      ),
    })),
  );
  if (options.json) {
    printJson(
      described.map(({ entity, configs }) => ({
        entityType: options.entityType,
        entityName: entity.resourceName,
        configs: configs.map(({ name, value, readOnly, isSensitive, configSource, documentation }) => ({
          name,
          value,
          source: SOURCES[configSource] ?? 'UNKNOWN',
          readOnly,
          isSensitive,
          documentation,
        })),
      })),
    );
    return 0;
  }
  const rows = described.flatMap(({ entity, configs }) =>
    configs.map(({ name, value, isSensitive, configSource }) => [
      entity.resourceName,
      name,
      isSensitive ? '(hidden)' : (value ?? '-'),
      SOURCES[configSource] ?? 'UNKNOWN',
    ]),
  );
  printTable([options.entityType === 'topics' ? 'TOPIC' : 'BROKER', 'CONFIG', 'VALUE', 'SOURCE'], rows);
  return 0;
}

async function configsOf(cluster: Cluster, { resourceType, resourceName, nodeId, label }: Entity) {
  const answer = await cluster.request(nodeId, apis.describeConfigs, {
    resources: [{ resourceType, resourceName, configurationKeys: null }],
    includeSynonyms: false,
    includeDocumentation: true,
  });
  for (const { errorCode, errorMessage } of answer.results) check(errorCode, label, errorMessage);
  return answer.results.flatMap(({ configs }) => configs).sort((a, b) => (a.name < b.name ? -1 : 1));
}
