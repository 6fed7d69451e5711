import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs, EdgelogError, OutageReasons } from '@edgelog/base';
import { isTurnedAway } from '@edgelog/client';
import {
  createLogger,
  formatAddress,
  type Logger,
  Metrics,
  parseAddress,
  registerProcessMetrics,
} from '@edgelog/runtime';
import type { KafkaSink } from '@edgelog/sink';
import { SinkHolder } from '@edgelog/sink/holder.ts';
import type { KafkaSettings } from '@edgelog/sink/kafka-fields.ts';
import { type SyncServer, startSyncServer } from '@edgelog/sync';
import type { HubSettings } from '../settings.ts';
import { startGatewayOps } from './ops.ts';
import { type GatewayView, gatewayStatus } from './status.ts';

export type SyncGatewaySettings = Pick<HubSettings, 'sync' | 'http' | 'httpHosts' | 'logLevel'> &
  KafkaSettings & { readonly sink: string };

export interface RunningSyncGateway {
  readonly clusterId: string;
  readonly syncPort: number;
  readonly httpPort: number;
  /** HOST:PORT of each listener. */
  readonly addresses: { readonly sync: string; readonly http: string };
  /** What GET /status answers. */
  status(): unknown;
  /** Sends agents elsewhere, writes positions, ends every connection. Safe to call twice. */
  stop(): Promise<void>;
}

const CHECK_EVERY_MS = 10_000;
const RETRY = { minMs: 250, maxMs: 10_000 };
/** Brokers count attempts with wrong credentials. */
const RETRY_REFUSED_MS = 60_000;

/**
 * A hub without a disk: agents speak the sync protocol to it, and what they send goes to a Kafka cluster. Any number of them may stand
 * behind one load balancer. Waits for the cluster as long as it takes, /healthz saying so. Rejects with EdgelogError (an address in use),
 * and with the signal's reason.
 */
export async function startSyncGateway(
  settings: SyncGatewaySettings,
  deps: { log?: Logger; signal?: AbortSignal } = {},
): Promise<RunningSyncGateway> {
  const { log = createLogger({ component: 'hub', level: settings.logLevel }), signal } = deps;
  const opened: (() => Promise<void> | void)[] = [];
  const closeAll = async () => {
    for (let close = opened.pop(); close !== undefined; close = opened.pop()) await close();
  };
  try {
    const holder = new SinkHolder({ url: settings.sink, settings, clientId: 'edgelog-hub', log });
    const view: GatewayView = {
      url: settings.sink,
      startedAtMs: Date.now(),
      sink: () => holder.sink?.status(),
      sync: undefined,
      obstacle: 'not connected to Kafka yet',
      isDraining: false,
    };
    const metrics = new Metrics();
    const ops = await startGatewayOps({
      address: settings.http,
      hosts: settings.httpHosts,
      view,
      metrics,
      log,
    });
    opened.push(() => ops.close());
    opened.push(registerProcessMetrics(metrics));
    opened.push(() => holder.stop());
    const sink = await reachFirst(holder, view, log, signal);
    const sync = await startSyncServer({ ...parseAddress(settings.sync, '--sync'), hub: sink, log });
    opened.push(() => sync.close());
    view.sync = sync;
    const stopped = new AbortController();
    opened.push(() => stopped.abort());
    void lookAfter(holder, view, log, stopped.signal);
    opened.push(() => drain(view, sync));
    const at = (setting: string, port: number) => formatAddress({ host: parseAddress(setting).host, port });
    const addresses = { sync: at(settings.sync, sync.port), http: at(settings.http, ops.port) };
    const { clusterId } = sink.status();
    log.info('sync gateway started', { kafka: settings.sink, clusterId, ...addresses });
    return {
      clusterId,
      syncPort: sync.port,
      httpPort: ops.port,
      addresses,
      status: () => gatewayStatus(view),
      stop: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Agents go on at another sync gateway; what they have under way here is asked for there. */
async function drain(view: GatewayView, sync: SyncServer): Promise<void> {
  view.isDraining = true;
  await sync.drain();
}

async function reachFirst(
  holder: SinkHolder,
  view: GatewayView,
  log: Logger,
  signal: AbortSignal | undefined,
): Promise<KafkaSink> {
  const reasons = new OutageReasons();
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted();
    try {
      const sink = await holder.reach();
      view.obstacle = undefined;
      return sink;
    } catch (error) {
      const isRefused = tell(error, view, reasons, log);
      await pause(isRefused ? RETRY_REFUSED_MS : backoffMs(attempt, RETRY, Math.random()), signal);
    }
  }
}

async function lookAfter(
  holder: SinkHolder,
  view: GatewayView,
  log: Logger,
  stopped: AbortSignal,
): Promise<void> {
  const reasons = new OutageReasons();
  for (;;) {
    await pause(CHECK_EVERY_MS, stopped);
    if (stopped.aborted) return;
    try {
      await holder.reach();
      if (view.obstacle !== undefined) log.info('connected to Kafka again', { kafka: view.url });
      view.obstacle = undefined;
      reasons.over();
    } catch (error) {
      if (!stopped.aborted) tell(error, view, reasons, log);
    }
  }
}

/** Notes and logs why the cluster is not reached. Whether it refuses the credentials, or speaks another protocol. */
function tell(error: unknown, view: GatewayView, reasons: OutageReasons, log: Logger): boolean {
  if (!(error instanceof EdgelogError)) throw error;
  const isRefused = isTurnedAway(error);
  if (reasons.isNews(error.message))
    log[isRefused ? 'error' : 'warn']('not connected to Kafka', { kafka: view.url, reason: error.message });
  view.obstacle = error.message;
  return isRefused;
}

/** Ends early when it is aborted. */
const pause = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  delay(ms, undefined, { ...(signal && { signal }) }).catch(() => {});
