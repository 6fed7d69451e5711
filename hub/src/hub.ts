import { EdgelogError } from '@edgelog/base';
import { openLogStore } from '@edgelog/log';
import {
  createLogger,
  formatAddress,
  type Logger,
  Metrics,
  parseAddress,
  registerProcessMetrics,
} from '@edgelog/runtime';
import { startSyncServer } from '@edgelog/sync';
import type { Broker } from './broker.ts';
import { refuseMember } from './cluster/membership.ts';
import { openClusterTellingHealth } from './cluster/waiting-health.ts';
import { reportDamage } from './fetch/damage.ts';
import { openGroups } from './group/index.ts';
import { registerHubMetrics } from './http/metrics.ts';
import { startHubOps } from './http/ops.ts';
import { hubStatus } from './http/status.ts';
import { openLocalHome } from './metadata/local-home.ts';
import { replicationDefaults } from './metadata/replication-defaults.ts';
import { topicConfigDefinitions } from './metadata/topic-config.ts';
import { Topics } from './metadata/topics.ts';
import { Dispatcher } from './net/dispatcher.ts';
import { FramePool } from './net/frame-pool.ts';
import { startKafkaListener } from './net/listener.ts';
import { MemoryBudget } from './net/memory-budget.ts';
import { ReplicaManager } from './replication/index.ts';
import { Retention } from './retention/retention.ts';
import { Scrub } from './scrub/scrub.ts';
import { type HubSettings, STANDALONE_BROKER_ID } from './settings.ts';
import { Forwarder } from './sync/forwarder.ts';
import { Gaps } from './sync/gaps.ts';
import { ClusterDirectory } from './sync/gateway-directory.ts';
import { GatewayEvents } from './sync/gateway-events.ts';
import { GatewayPort } from './sync/gateway-port.ts';
import { GatewaySpread } from './sync/gateway-spread.ts';
import { clusterGatewayHome, localGatewayHome } from './sync/home.ts';
import { RunLeader } from './sync/run-leader.ts';
import { Runs } from './sync/runs.ts';

/** Small commits become durable in it. When half of it is full that goes to a segment, as one commit. */
const JOURNAL_BYTES = 8 * 2 ** 20;
/** Responses that clients have not taken; beyond this, fetches return one batch at a time. */
const RESPONSE_MEMORY_BYTES = 256 * 1024 * 1024;

/** Of other brokers, each of which makes a few, beyond those of clients. */
const BROKER_CONNECTIONS = 256;

/** Memory of requests that is kept to be used again. */
const FREE_FRAME_BYTES = 16 * 1024 * 1024;

export interface HubDeps {
  log?: Logger;
  now?: () => number;
  /** Ends a start that waits for others: `startHub` rejects with its reason. */
  signal?: AbortSignal;
  /** How long a broker of a cluster may be back before it leads again where it is preferred. */
  preferredDelayMs?: number;
}

/** A hub that serves. The ports are the real ones (settings may say 0). */
export interface RunningHub {
  readonly clusterId: string;
  readonly kafkaPort: number;
  readonly syncPort: number;
  readonly httpPort: number;
  /** HOST:PORT of each listener. */
  readonly addresses: { kafka: string; sync: string; http: string };
  /** Resolves when the hub can serve no more (its store failed); `stop` is then still the caller's to call. */
  readonly failed: Promise<EdgelogError>;
  /** What GET /status answers. */
  status(): unknown;
  /** Ends every connection, flushes and closes the log. Safe to call twice. */
  stop(): Promise<void>;
}

/** Opens the store and serves it. Rejects with EdgelogError (port or directory in use, unreadable data) and leaves nothing open. */
export async function startHub(settings: HubSettings, deps: HubDeps = {}): Promise<RunningHub> {
  const { log = createLogger({ component: 'hub', level: settings.logLevel }), now = Date.now } = deps;
  const { signal, preferredDelayMs } = deps;
  const opened: (() => Promise<void> | void)[] = [];
  const closeAll = async () => {
    for (let close = opened.pop(); close !== undefined; close = opened.pop()) await close();
  };
  try {
    return await open();
  } catch (error) {
    await closeAll();
    throw error;
  }

  async function open(): Promise<RunningHub> {
    const startedAtMs = now();
    let failure: EdgelogError | undefined;
    let announceFailure: (error: EdgelogError) => void = () => {};
    const failed = new Promise<EdgelogError>((resolve) => {
      announceFailure = resolve;
    });
    let replicas: ReplicaManager | undefined;
    const store = await openLogStore({
      dir: settings.dataDir,
      segmentBytes: settings.segmentBytes,
      flush: settings.flush,
      journalBytes: JOURNAL_BYTES,
      now,
      onFatal: (cause) => {
        failure = new EdgelogError('STORE_FAILED', `the log in ${settings.dataDir} failed`, { cause });
        log.error('store failed', { error: failure });
        announceFailure(failure);
      },
      onDamage: (damage) => {
        reportDamage(log, damage);
        replicas?.onDamage(damage);
      },
    });
    opened.push(() => store.close());
    if (!settings.flush) log.warn('acknowledging before data is on disk', { flush: false });

    const definitions = topicConfigDefinitions(
      settings.maxMessageBytes,
      settings.segmentBytes,
      replicationDefaults(settings).minInsync,
    );
    const topics = new Topics(definitions);
    const nodeId = settings.brokerId ?? STANDALONE_BROKER_ID;
    const kafka = parseAddress(settings.kafka, '--kafka');
    const advertised =
      settings.advertise === undefined ? undefined : parseAddress(settings.advertise, '--advertise');
    const cluster =
      settings.etcd.length > 0
        ? await openClusterTellingHealth({
            ...{ settings, store, topics, now, log },
            ...(signal && { signal }),
            ...(preferredDelayMs !== undefined && { preferredDelayMs }),
          })
        : undefined;
    if (cluster !== undefined) opened.push(() => cluster.stop());
    else refuseMember(store);
    const frames = new FramePool(FREE_FRAME_BYTES);
    replicas = cluster && new ReplicaManager({ ...cluster, settings, store, topics, frames, log });
    opened.push(() => replicas?.close());
    const home = cluster ?? (await openLocalHome({ nodeId, settings, store, topics, advertised, now }));
    const gateways = cluster === undefined ? localGatewayHome(store) : clusterGatewayHome(cluster);
    const runs = new Runs({ table: gateways.runs, topics, carryMs: gateways.carryMs });
    if (replicas !== undefined) replicas.beforeDeletion = () => runs.carried();
    const gaps = new Gaps(gateways.gaps);
    const runLeader = new RunLeader({ store, topics, runs });
    const gatewayDirectory =
      cluster && replicas && new ClusterDirectory({ cluster, peers: replicas.peers, log, now });
    const { topicAdmin } = home;
    const { groups, ...coordination } = await openGroups({ topics, topicAdmin, settings, log, now });
    opened.push(() => coordination.close());
    const responses = new MemoryBudget(RESPONSE_MEMORY_BYTES);
    const broker: Broker = {
      nodeId,
      ...home,
      endpointFor: ({ local }) => advertised ?? local,
      settings,
      store,
      topics,
      groups,
      runLeader,
      gatewayDirectory,
      responses,
      log,
    };
    const retention = new Retention({
      topics,
      store,
      log,
      intervalMs: settings.retentionCheckMs,
      deadShare: settings.segmentDeadShare,
    });
    opened.push(() => retention.stop());
    const scrub = new Scrub({ topics, log, bytesPerSecond: settings.scrubBytesPerSecond });
    opened.push(() => scrub.stop());

    const metrics = new Metrics();
    opened.push(registerProcessMetrics(metrics));
    const requests = new MemoryBudget(settings.maxRequestMemoryBytes);
    const listener = await startKafkaListener({
      address: kafka,
      maxConnections: settings.maxConnections,
      brokerConnections: cluster === undefined ? 0 : BROKER_CONNECTIONS,
      maxFrameBytes: settings.maxFrameBytes,
      dispatcher: new Dispatcher({ broker, log, metrics }),
      frames,
      requests,
      responses,
      log,
    });
    opened.push(() => listener.close());

    const forwarder = cluster && replicas && new Forwarder(replicas.peers, cluster.session);
    const events = new GatewayEvents({ broker, peers: replicas?.peers, now });
    opened.push(() => events.close());
    const hub = new GatewayPort({ broker, runs, gaps, events, leader: runLeader, forwarder, now });
    const sync = await startSyncServer({
      ...parseAddress(settings.sync, '--sync'),
      hub,
      log,
      ...(gatewayDirectory && { directory: gatewayDirectory }),
    });
    gatewayDirectory?.attach(sync);
    opened.push(() => sync.close());

    const endpoint = advertised ?? { host: kafka.host, port: listener.port };
    const health = () => {
      const reasons = [...(failure === undefined ? [] : [failure.message]), ...(cluster?.health() ?? [])];
      return { ok: reasons.length === 0, reasons };
    };
    const view = {
      ...{ broker, endpoint, listener, sync, runs, gaps, requests, scrub, startedAtMs, now, health },
      metadata: cluster?.mirror.metadata,
    };
    registerHubMetrics(metrics, view, cluster && replicas && { cluster, replicas });
    const ops = await startHubOps({
      address: settings.http,
      hosts: [...settings.httpHosts, endpoint.host],
      ...{ view, metrics, log },
    });
    opened.push(() => ops.close());

    const at = (setting: string, port: number) => formatAddress({ host: parseAddress(setting).host, port });
    const addresses = {
      kafka: at(settings.kafka, listener.port),
      sync: at(settings.sync, sync.port),
      http: at(settings.http, ops.port),
    };
    if (cluster !== undefined) {
      cluster.ended.catch((error) => announceFailure(error));
      await cluster.register({ ...addresses, kafka: formatAddress(endpoint) });
      opened.push(() => cluster.drain());
      opened.push(() => sync.drain());
      const spread =
        gatewayDirectory && new GatewaySpread({ cluster, directory: gatewayDirectory, log, now });
      opened.push(() => spread?.close());
    }
    log.info('hub started', {
      dir: settings.dataDir,
      clusterId: broker.clusterId,
      ...addresses,
      advertised: formatAddress(endpoint),
      topics: topics.count,
      tookMs: now() - startedAtMs,
    });
    return {
      clusterId: broker.clusterId,
      kafkaPort: listener.port,
      syncPort: sync.port,
      httpPort: ops.port,
      addresses,
      failed,
      status: () => hubStatus(view),
      stop: closeAll,
    };
  }
}
