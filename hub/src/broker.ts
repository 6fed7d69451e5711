import type { LogStore } from '@edgelog/log';
import type { Address, Logger } from '@edgelog/runtime';
import type { GroupService } from './group/index.ts';
import type { MetadataHome } from './metadata/metadata-home.ts';
import type { Topics } from './metadata/topics.ts';
import type { Client } from './net/dispatcher.ts';
import type { MemoryBudget } from './net/memory-budget.ts';
import type { HubSettings } from './settings.ts';
import type { ClusterDirectory } from './sync/gateway-directory.ts';
import type { RunLeader } from './sync/run-leader.ts';

/** What the handlers work on: one per process. */
export interface Broker extends MetadataHome {
  readonly nodeId: number;
  /** Where a client is told to connect. */
  endpointFor(client: Pick<Client, 'local'>): Address;
  readonly settings: HubSettings;
  readonly store: LogStore;
  readonly topics: Topics;
  readonly groups: GroupService;
  /** Runs of gateways whose partitions this broker leads. */
  readonly runLeader: RunLeader;
  /** Which broker has which gateway; undefined for the only broker. */
  readonly gatewayDirectory?: ClusterDirectory | undefined;
  /** Bytes of responses that clients have not taken yet. */
  readonly responses: MemoryBudget;
  readonly log: Logger;
}
