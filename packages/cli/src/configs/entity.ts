import { EdgelogError } from '@edgelog/base';
import type { KafkaCluster } from '@edgelog/client';

export const ENTITY_TYPES = ['topics', 'brokers'] as const;
export type EntityType = (typeof ENTITY_TYPES)[number];

/** Kafka's numbers for what has configs. */
const RESOURCE_TYPES: Readonly<Record<EntityType, number>> = { topics: 2, brokers: 4 };

/** A topic or broker, and the broker to ask about it: brokers answer only for themselves. */
export interface Entity {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly nodeId: number;
  /** As an operator would say it, `topic telemetry`. */
  readonly label: string;
}

/** The entities named, or all. Throws CONFIG_INVALID for what cannot be a broker's id. */
export async function findEntities(
  cluster: KafkaCluster,
  type: EntityType,
  names: readonly string[],
): Promise<Entity[]> {
  const resourceType = RESOURCE_TYPES[type];
  if (type === 'brokers') {
    const ids = names.length > 0 ? names.map(brokerId) : cluster.brokerIds;
    return ids.map((nodeId) => ({
      resourceType,
      resourceName: String(nodeId),
      nodeId,
      label: `broker ${nodeId}`,
    }));
  }
  const nodeId = cluster.brokerIds[0] ?? -1;
  const topics = names.length > 0 ? names : await allTopics(cluster);
  return topics.map((name) => ({ resourceType, resourceName: name, nodeId, label: `topic ${name}` }));
}

async function allTopics(cluster: KafkaCluster): Promise<string[]> {
  const { topics } = await cluster.metadata(null);
  return topics.flatMap(({ name, isInternal }) => (name === null || isInternal ? [] : [name])).sort();
}

function brokerId(name: string): number {
  if (/^\d{1,10}$/.test(name)) return Number(name);
  throw new EdgelogError(
    'CONFIG_INVALID',
    `edgelog configs: --entity-name = ${JSON.stringify(name)}: expected the id of a broker, a whole number`,
  );
}
