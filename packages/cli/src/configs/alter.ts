import { EdgelogError } from '@edgelog/base';
import type { KafkaCluster } from '@edgelog/client';
import { didYouMean } from '@edgelog/runtime';
import { apis } from '@edgelog/wire';
import type { ConfigPair } from '../kafka/config-pairs.ts';
import { reportOutcomes } from '../outcomes.ts';
import { OWN_SOURCES, readConfigs } from './describe.ts';
import { type Entity, type EntityType, findEntities } from './entity.ts';

/** Kafka's numbers for what is done to one config [KIP-339]. */
const Operation = { set: 0, delete: 1 } as const;

export interface AlterOptions {
  readonly entityType: EntityType;
  readonly entityName: readonly string[];
  readonly add: readonly ConfigPair[];
  readonly remove: readonly string[];
  readonly json: boolean;
}

/** Sets some configs of each entity and takes others back to their defaults; the rest stays as it is. */
export async function alterConfigs(cluster: KafkaCluster, options: AlterOptions): Promise<number> {
  const entities = await findEntities(cluster, options.entityType, options.entityName);
  if (options.remove.length > 0) await refuseUnset(cluster, entities, options.remove);
  const configs = [
    ...options.add.map(({ name, value }) => ({ name, configOperation: Operation.set, value })),
    ...options.remove.map((name) => ({ name, configOperation: Operation.delete, value: null })),
  ];
  const answers = await Promise.all(
    entities.map(({ nodeId, resourceType, resourceName }) =>
      cluster.toBroker(nodeId, apis.incrementalAlterConfigs, {
        resources: [{ resourceType, resourceName, configs }],
        validateOnly: false,
      }),
    ),
  );
  const outcomes = answers.flatMap(({ responses }) =>
    responses.map(({ resourceName, errorCode, errorMessage }) => ({
      name: resourceName,
      errorCode,
      errorMessage,
    })),
  );
  const kind = options.entityType === 'topics' ? 'topic' : 'broker';
  return reportOutcomes(outcomes, { kind, done: 'altered', json: options.json });
}

/** To delete what is not set changes nothing, and is most likely a slip: refused, as by Kafka's tool. */
async function refuseUnset(
  cluster: KafkaCluster,
  entities: readonly Entity[],
  names: readonly string[],
): Promise<void> {
  for (const { entity, configs } of await readConfigs(cluster, entities)) {
    const set = configs.filter(({ configSource }) => OWN_SOURCES.has(configSource)).map(({ name }) => name);
    const unset = names.find((name) => !set.includes(name));
    if (unset !== undefined)
      throw new EdgelogError('REFUSED', `${entity.label}: ${unset} is not set${didYouMean(unset, set)}`);
  }
}
