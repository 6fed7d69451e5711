import { check, type KafkaCluster } from '@edgelog/client';
import { apis, type ResponseOutput } from '@edgelog/wire';
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
/** Sources of what can be taken back: it was set for the entity itself. */
export const OWN_SOURCES: ReadonlySet<number> = new Set([1, 2, 3]);

/** What is set, or with `all` every config with its value in force. */
export async function describeConfigs(cluster: KafkaCluster, options: DescribeOptions): Promise<number> {
  const entities = await findEntities(cluster, options.entityType, options.entityName);
  const described = (await readConfigs(cluster, entities)).map(({ entity, configs }) => ({
    entity,
    configs: configs.filter(({ configSource }) => options.all || configSource !== DEFAULT_SOURCE),
  }));
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

/** Entities asked for in one request. */
const AT_ONCE = 200;

/** All configs of each entity, by name. Throws REFUSED for one that does not exist. */
export async function readConfigs(cluster: KafkaCluster, entities: readonly Entity[]) {
  const read: { entity: Entity; configs: Described[] }[] = [];
  for (const [nodeId, own] of Map.groupBy(entities, (entity) => entity.nodeId)) {
    for (let at = 0; at < own.length; at += AT_ONCE) {
      const some = own.slice(at, at + AT_ONCE);
      const { results } = await cluster.toBroker(nodeId, apis.describeConfigs, {
        resources: some.map(({ resourceType, resourceName }) => ({
          resourceType,
          resourceName,
          configurationKeys: null,
        })),
        includeSynonyms: false,
        includeDocumentation: true,
      });
      for (const { resourceName, errorCode, errorMessage, configs } of results) {
        const entity = some.find((one) => one.resourceName === resourceName);
        if (entity === undefined) continue;
        check(errorCode, entity.label, errorMessage);
        read.push({ entity, configs: [...configs].sort((a, b) => (a.name < b.name ? -1 : 1)) });
      }
    }
  }
  return read;
}

type Described = ResponseOutput<typeof apis.describeConfigs>['results'][number]['configs'][number];
