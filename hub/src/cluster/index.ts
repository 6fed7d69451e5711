import type { BrokerStates } from '@edgelog/cluster';
import type { EtcdClient } from '@edgelog/etcd';
import type { LogStore } from '@edgelog/log';
import type { Logger } from '@edgelog/runtime';
import type { z } from 'zod';
import type { MetadataHome } from '../metadata/metadata-home.ts';
import type { Topics } from '../metadata/topics.ts';
import type { HubSettings } from '../settings.ts';
import type { ClusterKeys } from './keys.ts';
import type { MetadataMirror } from './mirror/mirror.ts';
import type { BrokerSession, Endpoints } from './session.ts';
import type { EtcdTable } from './table.ts';
import type { GuardedWrites } from './writes.ts';

export type {
  BrokerEntry,
  Changed,
  ControllerEntry,
  DirectoryEntry,
  MetadataChanges,
  PartitionEntry,
  TopicEntry,
} from './mirror/entries.ts';
export type { Metadata } from './mirror/metadata.ts';
export type { Endpoints } from './session.ts';
export type { WriteOutcome } from './writes.ts';
export type { BrokerSession, ClusterKeys, EtcdTable, GuardedWrites, MetadataMirror };

export interface ClusterDeps {
  /** With `etcd` and `brokerId`. */
  readonly settings: HubSettings;
  readonly store: LogStore;
  /** The catalogue that whoever follows the mirror fills; topics are made and found there. */
  readonly topics: Topics;
  readonly now: () => number;
  readonly log: Logger;
  /** How long a broker may be back before it gets the lead where it is preferred. Default 5 s. */
  readonly preferredDelayMs?: number;
  /** Why the cluster's metadata is not known yet: for health, while `openCluster` waits. */
  readonly onWaiting?: (reason: string) => void;
  /** Ends a wait: `openCluster` and `register` reject with its reason. */
  readonly signal?: AbortSignal;
}

/** This broker's part in a cluster. */
export interface ClusterHandle extends MetadataHome {
  readonly brokerId: number;
  readonly keys: ClusterKeys;
  readonly etcd: EtcdClient;
  /** The metadata as it is now, and its changes for those who listen. */
  readonly mirror: MetadataMirror;
  /** The metadata that was read first is older than what this broker has seen: a backup of etcd was put back. */
  readonly isMetadataOld: boolean;
  /** `mirror.metadata.states`: what elections ask about brokers. */
  readonly states: BrokerStates;
  /** `epoch`: whether this broker may act as a member at this moment. */
  readonly session: BrokerSession;
  /** Swaps in etcd in this broker's name. */
  readonly writes: GuardedWrites;
  /** Records of a folder of the prefix, `runs` or `gaps`. */
  table<R>(folder: string, schema: z.ZodType<R>): EtcdTable<R>;
  /**
   * Joins the brokers that are alive; these addresses are what others are told. Resolves when it has joined, however long that takes;
   * rejects with CONFIG_INVALID when another broker has this id.
   */
  register(endpoints: Endpoints): Promise<void>;
  /** Why this broker does not serve as a member, empty when all is well. */
  health(): string[];
  /** Resolves or rejects when the registration can never be made again, or the metadata of this cluster is gone. */
  readonly ended: Promise<void>;
  /** Hands over what others can lead, while this broker still serves; gives up waiting in the end. */
  drain(): Promise<void>;
  /** Ends the registration and everything here. The listeners are closed by then. Safe to call twice. */
  stop(): Promise<void>;
}

export { openCluster } from './open.ts';
