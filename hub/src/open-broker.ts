import { EdgelogError } from '@edgelog/base';
import { type LogStore, openLogStore, type StoredDamage } from '@edgelog/log';
import { type Address, type Logger, parseAddress } from '@edgelog/runtime';
import type { Broker } from './broker.ts';
import type { ClusterHandle } from './cluster/index.ts';
import { refuseMember } from './cluster/membership.ts';
import { openClusterTellingHealth } from './cluster/waiting-health.ts';
import { reportDamage } from './fetch/damage.ts';
import { openGroups } from './group/index.ts';
import { openLocalHome } from './metadata/local-home.ts';
import { replicationDefaults } from './metadata/replication-defaults.ts';
import { topicConfigDefinitions } from './metadata/topic-config.ts';
import { Topics } from './metadata/topics.ts';
import { FramePool } from './net/frame-pool.ts';
import { MemoryBudget } from './net/memory-budget.ts';
import { ReplicaManager } from './replication/index.ts';
import { type HubSettings, STANDALONE_BROKER_ID } from './settings.ts';
import { Gaps } from './sync/gaps.ts';
import { ClusterDirectory } from './sync/gateway-directory.ts';
import { clusterGatewayHome, localGatewayHome } from './sync/home.ts';
import { RunLeader } from './sync/run-leader.ts';
import { Runs } from './sync/runs.ts';

/** Small commits become durable in it. When half of it is full that goes to a segment, as one commit. */
const JOURNAL_BYTES = 8 * 2 ** 20;
/** Responses that clients have not taken; beyond this, fetches return one batch at a time. */
const RESPONSE_MEMORY_BYTES = 256 * 1024 * 1024;
/** Memory of requests that is kept to be used again. */
const FREE_FRAME_BYTES = 16 * 1024 * 1024;

export interface OpenBrokerDeps {
  readonly settings: HubSettings;
  readonly log: Logger;
  readonly now: () => number;
  /** Ends a wait for the cluster. */
  readonly signal: AbortSignal | undefined;
  readonly preferredDelayMs: number | undefined;
  /** Called for each part that is open, with what closes it: the last one first. */
  readonly opened: (close: () => Promise<void> | void) => void;
  /** The store can be written to no more. */
  readonly onStoreFailure: (failure: EdgelogError) => void;
}

/** What a broker of a cluster has besides. */
export interface Membership {
  readonly cluster: ClusterHandle;
  readonly replicas: ReplicaManager;
  readonly directory: ClusterDirectory;
}

/** A broker that nobody reaches yet. */
export interface OpenedBroker {
  readonly broker: Broker;
  /** Undefined for a standalone broker. */
  readonly membership: Membership | undefined;
  /** Where clients are told to connect, if that was set. */
  readonly advertised: Address | undefined;
  readonly runs: Runs;
  readonly gaps: Gaps;
  readonly frames: FramePool;
}

/** Opens the store, and what lies in it or in the cluster's metadata: topics, runs of gateways, groups. */
export async function openBroker(deps: OpenBrokerDeps): Promise<OpenedBroker> {
  const { settings, log, now, opened } = deps;
  let replicas: ReplicaManager | undefined;
  const store = await openStore(deps, (damage) => replicas?.onDamage(damage));
  const { minInsync } = replicationDefaults(settings);
  const topics = new Topics(
    topicConfigDefinitions(settings.maxMessageBytes, settings.segmentBytes, minInsync),
  );
  const nodeId = settings.brokerId ?? STANDALONE_BROKER_ID;
  const advertised =
    settings.advertise === undefined ? undefined : parseAddress(settings.advertise, '--advertise');
  const cluster = await joinCluster(deps, store, topics);
  const frames = new FramePool(FREE_FRAME_BYTES);
  replicas = cluster && new ReplicaManager({ ...cluster, settings, store, topics, frames, log });
  opened(() => replicas?.close());
  const home = cluster ?? (await openLocalHome({ nodeId, settings, store, topics, advertised, now }));
  const gateways = cluster === undefined ? localGatewayHome(store) : clusterGatewayHome(cluster);
  const runs = new Runs({ table: gateways.runs, topics, carryMs: gateways.carryMs });
  if (replicas !== undefined) replicas.beforeDeletion = () => runs.carried();
  const gaps = new Gaps(gateways.gaps);
  const runLeader = new RunLeader({ store, topics, runs });
  const directory = cluster && replicas && new ClusterDirectory({ cluster, peers: replicas.peers, log, now });
  const { topicAdmin } = home;
  const { groups, ...coordination } = await openGroups({ topics, topicAdmin, settings, log, now });
  opened(() => coordination.close());
  const broker: Broker = {
    nodeId,
    ...home,
    endpointFor: ({ local }) => advertised ?? local,
    settings,
    store,
    topics,
    groups,
    runLeader,
    gatewayDirectory: directory,
    responses: new MemoryBudget(RESPONSE_MEMORY_BYTES),
    log,
  };
  const membership = cluster && replicas && directory && { cluster, replicas, directory };
  return { broker, membership, advertised, runs, gaps, frames };
}

async function openStore(
  { settings, log, now, opened, onStoreFailure }: OpenBrokerDeps,
  onDamage: (damage: StoredDamage) => void,
): Promise<LogStore> {
  const { dataDir: dir, segmentBytes, flush } = settings;
  const store = await openLogStore({
    ...{ dir, segmentBytes, flush, journalBytes: JOURNAL_BYTES, now },
    onFatal: (cause) => {
      const failure = new EdgelogError('STORE_FAILED', `the log in ${dir} failed`, { cause });
      log.error('store failed', { error: failure });
      onStoreFailure(failure);
    },
    onDamage: (damage) => {
      reportDamage(log, damage);
      onDamage(damage);
    },
  });
  opened(() => store.close());
  if (!flush) log.warn('acknowledging before data is on disk', { flush: false });
  return store;
}

/** Undefined where the settings name no etcd. */
async function joinCluster(
  { settings, log, now, signal, preferredDelayMs, opened }: OpenBrokerDeps,
  store: LogStore,
  topics: Topics,
): Promise<ClusterHandle | undefined> {
  if (settings.etcd.length === 0) {
    refuseMember(store);
    return undefined;
  }
  const cluster = await openClusterTellingHealth({
    ...{ settings, store, topics, now, log },
    ...(signal && { signal }),
    ...(preferredDelayMs !== undefined && { preferredDelayMs }),
  });
  opened(() => cluster.stop());
  return cluster;
}
