import type { EdgelogError } from '@edgelog/base';
import {
  createLogger,
  formatAddress,
  type Logger,
  Metrics,
  parseAddress,
  registerProcessMetrics,
} from '@edgelog/runtime';
import { type SyncServer, startSyncServer } from '@edgelog/sync';
import type { Broker } from './broker.ts';
import { registerHubMetrics } from './http/metrics.ts';
import { startHubOps } from './http/ops.ts';
import { hubStatus } from './http/status.ts';
import { Dispatcher } from './net/dispatcher.ts';
import { startKafkaListener } from './net/listener.ts';
import { MemoryBudget } from './net/memory-budget.ts';
import { type OpenBrokerDeps, type OpenedBroker, openBroker } from './open-broker.ts';
import { Retention } from './retention/retention.ts';
import { Scrub } from './scrub/scrub.ts';
import type { HubSettings } from './settings.ts';
import { Forwarder } from './sync/forwarder.ts';
import { GatewayEvents } from './sync/gateway-events.ts';
import { GatewayPort } from './sync/gateway-port.ts';
import { GatewaySpread } from './sync/gateway-spread.ts';

/** Of other brokers, each of which makes a few, beyond those of clients. */
const BROKER_CONNECTIONS = 256;

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
  const closers: (() => Promise<void> | void)[] = [];
  const stop = async () => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  };
  try {
    return { ...(await open(settings, deps, (close) => void closers.push(close))), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function open(
  settings: HubSettings,
  { log = createLogger({ component: 'hub', level: settings.logLevel }), now = Date.now, ...deps }: HubDeps,
  opened: OpenBrokerDeps['opened'],
): Promise<Omit<RunningHub, 'stop'>> {
  const startedAtMs = now();
  const kafka = parseAddress(settings.kafka, '--kafka');
  let storeFailure: EdgelogError | undefined;
  const { promise: failed, resolve: fail } = Promise.withResolvers<EdgelogError>();
  const core = await openBroker({
    ...{ settings, log, now, opened, signal: deps.signal, preferredDelayMs: deps.preferredDelayMs },
    onStoreFailure: (failure) => {
      storeFailure = failure;
      fail(failure);
    },
  });
  const { broker, membership, advertised, runs, gaps, frames } = core;
  const scrub = startUpkeep(broker, opened);

  const metrics = new Metrics();
  opened(registerProcessMetrics(metrics));
  const requests = new MemoryBudget(settings.maxRequestMemoryBytes);
  const listener = await startKafkaListener({
    address: kafka,
    maxConnections: settings.maxConnections,
    brokerConnections: membership === undefined ? 0 : BROKER_CONNECTIONS,
    maxFrameBytes: settings.maxFrameBytes,
    dispatcher: new Dispatcher({ broker, log, metrics }),
    ...{ frames, requests, responses: broker.responses, log },
  });
  opened(() => listener.close());
  const sync = await serveGateways(core, now, opened);

  const endpoint = advertised ?? { host: kafka.host, port: listener.port };
  const health = () => {
    const own = storeFailure === undefined ? [] : [storeFailure.message];
    const reasons = [...own, ...(membership?.cluster.health() ?? [])];
    return { ok: reasons.length === 0, reasons };
  };
  const view = {
    ...{ broker, endpoint, listener, sync, runs, gaps, requests, scrub, startedAtMs, now, health },
    metadata: membership?.cluster.mirror.metadata,
  };
  registerHubMetrics(metrics, view, membership);
  const ops = await startHubOps({
    address: settings.http,
    hosts: [...settings.httpHosts, endpoint.host],
    ...{ view, metrics, log },
  });
  opened(() => ops.close());

  const at = (setting: string, port: number) => formatAddress({ host: parseAddress(setting).host, port });
  const addresses = {
    kafka: at(settings.kafka, listener.port),
    sync: at(settings.sync, sync.port),
    http: at(settings.http, ops.port),
  };
  if (membership !== undefined) {
    const { cluster, directory } = membership;
    cluster.ended.catch(fail);
    await cluster.register({ ...addresses, kafka: formatAddress(endpoint) });
    opened(() => cluster.drain());
    opened(() => sync.drain());
    const spread = new GatewaySpread({ cluster, directory, log, now });
    opened(() => spread.close());
  }
  const { clusterId } = broker;
  log.info('hub started', {
    dir: settings.dataDir,
    clusterId,
    ...addresses,
    advertised: formatAddress(endpoint),
    topics: broker.topics.count,
    tookMs: now() - startedAtMs,
  });
  const ports = { kafkaPort: listener.port, syncPort: sync.port, httpPort: ops.port };
  return { clusterId, ...ports, addresses, failed, status: () => hubStatus(view) };
}

/** What goes on by itself: what is too old goes, and what rots is found. */
function startUpkeep({ topics, store, settings, log }: Broker, opened: OpenBrokerDeps['opened']): Scrub {
  const { retentionCheckMs: intervalMs, segmentDeadShare: deadShare } = settings;
  const retention = new Retention({ topics, store, log, intervalMs, deadShare });
  opened(() => retention.stop());
  const scrub = new Scrub({ topics, log, bytesPerSecond: settings.scrubBytesPerSecond });
  opened(() => scrub.stop());
  return scrub;
}

async function serveGateways(
  { broker, membership, runs, gaps }: OpenedBroker,
  now: () => number,
  opened: OpenBrokerDeps['opened'],
): Promise<SyncServer> {
  const { settings, runLeader: leader, log } = broker;
  const peers = membership?.replicas.peers;
  const directory = membership?.directory;
  const forwarder = membership && new Forwarder(membership.replicas.peers, membership.cluster.session);
  const events = new GatewayEvents({ broker, peers, now });
  opened(() => events.close());
  const hub = new GatewayPort({ broker, runs, gaps, events, leader, forwarder, now });
  const sync = await startSyncServer({
    ...parseAddress(settings.sync, '--sync'),
    ...{ hub, log },
    ...(directory && { directory }),
  });
  directory?.attach(sync);
  opened(() => sync.close());
  return sync;
}
