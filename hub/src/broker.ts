import type { LogStore } from '@edgelog/log';
import type { Logger } from '@edgelog/runtime';
import type { GroupService } from './group/index.ts';
import type { Topics } from './metadata/topics.ts';
import type { MemoryBudget } from './net/memory-budget.ts';
import type { ProducerIds } from './partition/producer-ids.ts';
import type { HubSettings } from './settings.ts';

/** What the handlers work on: one per process. */
export interface Broker {
  readonly nodeId: number;
  readonly clusterId: string;
  /** Where clients are told to connect; the port is known once the listener is bound. */
  readonly advertised: { host: string; port: number };
  readonly settings: HubSettings;
  readonly store: LogStore;
  readonly topics: Topics;
  readonly groups: GroupService;
  readonly producerIds: ProducerIds;
  /** Bytes of responses that clients have not taken yet. */
  readonly responses: MemoryBudget;
  readonly log: Logger;
}
