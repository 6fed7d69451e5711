import { randomUUID } from 'node:crypto';
import type { LogStore } from '@edgelog/log';
import type { Address } from '@edgelog/runtime';
import { z } from 'zod';
import { standaloneView } from '../cluster-view.ts';
import { OFFSETS_TOPIC_CONFIGS } from '../group/offsets-topic.ts';
import { ProducerIds } from '../partition/producer-ids.ts';
import type { HubSettings } from '../settings.ts';
import { putRecord, readRecord } from '../state-record.ts';
import { LocalTable } from '../sync/record-table.ts';
import { standaloneAdmin } from './cluster-admin.ts';
import { brokerConfigsRecord } from './dynamic-broker-config.ts';
import { OFFSETS_TOPIC } from './internal-topics.ts';
import { LocalTopics } from './local-topics.ts';
import type { MetadataHome } from './metadata-home.ts';
import type { Topics } from './topics.ts';

export interface LocalHomeDeps {
  readonly nodeId: number;
  readonly settings: Pick<HubSettings, 'offsetsPartitions'>;
  readonly store: LogStore;
  /** Filled with the topics of the store. */
  readonly topics: Topics;
  readonly advertised: Address | undefined;
  readonly now: () => number;
}

/** The metadata of a standalone broker. It has `__consumer_offsets` from the start. */
export async function openLocalHome(deps: LocalHomeDeps): Promise<MetadataHome> {
  const { nodeId, settings, store, topics, advertised, now } = deps;
  const topicAdmin = new LocalTopics({ topics, store, nodeId, now });
  const offsetsTopic =
    topics.get(OFFSETS_TOPIC) ??
    (await topicAdmin.create({
      name: OFFSETS_TOPIC,
      partitions: settings.offsetsPartitions,
      configs: OFFSETS_TOPIC_CONFIGS,
    }));
  if (offsetsTopic.configs['cleanup.policy'] === undefined) {
    await topicAdmin.setConfigs(offsetsTopic, { ...offsetsTopic.configs, ...OFFSETS_TOPIC_CONFIGS });
  }
  const clusterId = clusterIdOf(store);
  await store.flushed();
  return {
    clusterId,
    topicAdmin,
    clusterAdmin: standaloneAdmin(nodeId),
    brokerConfigs: new LocalTable(store, 'broker-configs/', brokerConfigsRecord),
    cluster: standaloneView(nodeId, advertised),
    producerIds: new ProducerIds(store),
  };
}

const clusterRecord = z.strictObject({ id: z.string() });

/** The cluster's id, drawn when the data directory is made. */
function clusterIdOf({ state }: LogStore): string {
  const existing = readRecord(state, 'cluster', clusterRecord);
  if (existing !== undefined) return existing.id;
  const id = drawClusterId();
  putRecord(state, 'cluster', clusterRecord, { id });
  return id;
}

/** 22 characters, as Kafka's. */
export function drawClusterId(): string {
  return Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
}
