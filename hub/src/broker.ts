import type { LogStore } from '@edgelog/log';
import type { Address, Logger } from '@edgelog/runtime';
import type { ClusterView } from './cluster-view.ts';
import type { GroupService } from './group/index.ts';
import type { TopicAdmin } from './metadata/topic-admin.ts';
import type { Topics } from './metadata/topics.ts';
import type { Client } from './net/dispatcher.ts';
import type { MemoryBudget } from './net/memory-budget.ts';
import type { ProducerIds } from './partition/producer-ids.ts';
import type { HubSettings } from './settings.ts';

/** What the handlers work on: one per process. */
export interface Broker {
  readonly nodeId: number;
  readonly clusterId: string;
  /** Where a client is told to connect. */
  endpointFor(client: Pick<Client, 'local'>): Address;
  readonly settings: HubSettings;
  readonly store: LogStore;
  readonly topics: Topics;
  readonly topicAdmin: TopicAdmin;
  readonly cluster: ClusterView;
  readonly groups: GroupService;
  readonly producerIds: ProducerIds;
  /** Bytes of responses that clients have not taken yet. */
  readonly responses: MemoryBudget;
  readonly log: Logger;
}
