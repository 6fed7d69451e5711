import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type EdgelogError, nodeTimers } from '@edgelog/base';
import { Alarms, Disk, StreamSet, TopicPolicies, WearMeter } from '@edgelog/edge';
import {
  createLogger,
  deviceWrites,
  formatAddress,
  type Logger,
  Metrics,
  type RunningProcess,
  reportFatal,
} from '@edgelog/runtime';
import type { Uplink, UplinkTuning } from '@edgelog/sync';
import { registerAgentMetrics } from './agent-metrics.ts';
import { watchClock } from './clock-watch.ts';
import { watchDataDir } from './data-dir-watch.ts';
import { startAgentHttp } from './http/ops.ts';
import { Births, createIngest, SwitchedIngest } from './ingest/index.ts';
import { liveParts } from './live-parts.ts';
import { type LivePart, LiveSettings } from './live-settings.ts';
import { MqttAccess } from './mqtt/access/index.ts';
import { type MqttBroker, startMqttBroker } from './mqtt/broker.ts';
import { mqttCounters } from './mqtt/counters.ts';
import { Qos2Window } from './mqtt/qos2.ts';
import { openLog } from './open-log.ts';
import { SerialLines } from './serial/serial-lines.ts';
import { topicRoutes } from './serial/topic-routes.ts';
import { type AgentSettings, logWear, segmentBytesOf } from './settings.ts';
import { SourcesSeen } from './sources-seen.ts';
import { type AgentParts, agentStatus } from './status.ts';
import { startSubscriptions } from './subscription/index.ts';
import { SetAside } from './uplink/set-aside.ts';
import { startAgentUplink } from './uplink/start.ts';

export interface AgentDeps {
  log?: Logger;
  /** Wall clock, ms. */
  now?: () => number;
  /** The store failed and the agent refuses new data; default: the process ends with status 1. */
  onFatal?: (error: EdgelogError) => void;
  uplinkTuning?: Partial<UplinkTuning>;
  /** Default 30 s. */
  willGraceMs?: number;
  /** Settings of the caller's own that may change while the agent runs. */
  liveParts?: readonly LivePart[];
}

export interface RunningAgent extends RunningProcess {
  readonly mqttPort: number;
  readonly httpPort: number;
  status(): ReturnType<typeof agentStatus>;
  setUplinkPaused(paused: boolean): void;
  /** Takes settings that have changed, as far as that is possible without a start. Never throws: an alarm says what is wrong. */
  reload(load: () => AgentSettings): void;
}

const VERSION = '0.1.0';
/** Key and headers on top of the largest payload; what goes beyond is refused like a payload that is too large. */
const READING_OVERHEAD_BYTES = 16 * 1024;
/** Of the disk budget: what is kept for local clients, and what is set aside, each. */
const BESIDE_SHARE = 1 / 16;

/** Starts a gateway: log, sources, uplink, operations HTTP. Throws EdgelogError for what an operator can put right. */
export async function startAgent(settings: AgentSettings, deps: AgentDeps = {}): Promise<RunningAgent> {
  const log = deps.log ?? createLogger({ component: 'agent', level: settings.logLevel });
  const now = deps.now ?? Date.now;
  const monotonicMs = () => performance.now();
  const metrics = new Metrics();
  const alarms = new Alarms(log, now);
  const instance = randomUUID();
  const segmentBytes = segmentBytesOf(settings);
  const besideBytes = Math.floor(settings.maxDiskBytes * BESIDE_SHARE);
  const dir = resolve(settings.dataDir);
  const wearing = logWear(settings);
  const undo: (() => Promise<void> | void)[] = [];
  const stopAll = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };

  try {
    const { store, reserve } = await openLog({
      maxDiskBytes: settings.maxDiskBytes,
      dir,
      segmentBytes,
      ...wearing.log,
      now,
      onFatal: (error) => streams.fail(error),
      onDamage: ({ partition: topic, baseOffset: firstOffset, endOffset: nextOffset, reason }) =>
        log.error('stored batch cannot be read', { topic, firstOffset, nextOffset, reason }),
    });
    undo.push(() => store.close());
    const setAside = await SetAside.open({
      dir: join(dir, 'set-aside'),
      maxBytes: Math.min(settings.setAsideBytes, besideBytes),
      now,
      alarms,
    });
    undo.push(() => setAside.stop());
    const disk = new Disk({
      dir,
      maxBytes: settings.maxDiskBytes,
      segmentBytes,
      stats: () => store.stats(),
      besideBytes: () => setAside.usedBytes + allocatedUnder(join(dir, 'mqtt')),
      reserve,
      alarms,
    });
    const wear = new WearMeter({
      device: () => deviceWrites(dir),
      logBytes: () => store.stats().writtenBytes,
      ingestedBytes: () => streams.takenBytes,
      monotonicMs,
      cardBytes: settings.cardTbw * 1e12,
    });
    const ackSeconds = metrics.histogram(
      'edgelog_durable_seconds',
      'From taking the first reading of a turn to its flush.',
    );
    let uplink: Uplink | undefined;
    let mqtt: MqttBroker | undefined;
    const onFatal = (error: EdgelogError): void => {
      alarms.raise('store failed', error.message);
      mqtt?.pause();
      (deps.onFatal ?? endProcess)(error);
    };
    const clockWatch = watchClock({
      wallMs: now,
      monotonicMs,
      trustSystem: settings.clock === 'system',
      alarms,
      log,
      uplinkError: () => uplink?.status().lastError,
    });
    const { clock } = clockWatch;
    undo.push(() => clockWatch.stop());
    const policies = new TopicPolicies(settings.topics);
    const streams: StreamSet = new StreamSet({
      ...settings,
      pacing: wearing.pacing,
      policies,
      keepAside: (poison) => setAside.keep(poison),
      store,
      disk,
      alarms,
      maxReadingBytes: settings.maxMessageBytes + READING_OVERHEAD_BYTES,
      clock,
      monotonicMs,
      timers: nodeTimers,
      isUplinkLive: (priority) => uplink?.isOpenFor(priority) ?? false,
      isUplinkCongested: (priority) => uplink?.isCongestedFor(priority) ?? false,
      onSealed: () => uplink?.notify(),
      onDurable: (waitedMs) => ackSeconds.observe(waitedMs / 1000),
      onFatal,
    });
    undo.push(() => streams.close());
    undo.push(watchDataDir(dir, (error) => streams.fail(error)));
    const qos2 = new Qos2Window(store.state);
    streams.onTurnEnd(() => qos2.save());

    const agentUplink = await startAgentUplink({
      settings,
      identity: { gateway: settings.gateway, instance, version: VERSION },
      streams,
      policies,
      clock,
      alarms,
      log,
      tuning: deps.uplinkTuning,
    });
    uplink = agentUplink;
    undo.push(() => agentUplink.stop());

    const sources = new SourcesSeen(now, () => streams.monotonicMs());
    const births = new Births(store.state);
    const ingestOf = ({ routes, topic, unrouted, maxRoutedTopics }: AgentSettings) =>
      createIngest({
        routes: [...routes, ...topicRoutes(settings.serial)],
        ...{ topic, unrouted, maxRoutedTopics, streams, monotonicMs, alarms },
        existingTopics: [...streams.list()].map(({ state }) => state.topic),
        now: () => clock.now(),
        births,
      });
    const routed = new SwitchedIngest(ingestOf(settings));
    const ingest = sources.watch(routed);
    const counters = mqttCounters(metrics);
    const access = new MqttAccess({
      settings,
      failedLogins: counters.failedLogins,
      alarms,
      log,
      monotonicMs,
    });
    undo.push(() => access.stop());
    const broker = await startMqttBroker({
      access,
      dir,
      storeBytes: besideBytes,
      sessionExpirySeconds: settings.mqttSessionHours * 3600,
      listeners: settings,
      limits: settings,
      alarms,
      gateway: settings.gateway,
      maxMessageBytes: settings.maxMessageBytes,
      streams,
      ingest,
      qos2,
      counters,
      monotonicMs,
      willGraceMs: deps.willGraceMs,
      log,
    });
    mqtt = broker;
    access.onChange(() => broker.forgetAccess());
    undo.push(async () => {
      broker.pause();
      await streams.flush();
      await broker.close();
      await streams.flush();
    });
    const serial = new SerialLines(settings.serial, {
      gateway: settings.gateway,
      maxFrameBytes: settings.maxMessageBytes,
      ingest,
      pressure: streams.pressure,
      alarms,
      metrics,
      log,
    });
    undo.push(() => serial.stop());

    const subscriptions = await startSubscriptions(settings.subscribe, {
      gateway: settings.gateway,
      maxMessageBytes: settings.maxMessageBytes,
      ingest,
      qos2,
      state: store.state,
      pressure: streams.pressure,
      committed: () => streams.committed(),
      alarms,
      metrics,
      log,
    });
    undo.push(async () => void (await Promise.all(subscriptions.map((one) => one.stop()))));

    const parts: AgentParts = {
      gateway: settings.gateway,
      version: VERSION,
      instance,
      store,
      streams,
      setAside,
      disk,
      wear,
      alarms,
      uplink: agentUplink,
      mqtt: broker,
      access,
      mqttCounters: counters,
      serial,
      subscriptions,
      clock,
      ingest: routed,
      sources,
      now,
    };
    undo.push(registerAgentMetrics(metrics, parts));
    const setUplinkPaused = (paused: boolean) => {
      log.info(paused ? 'uplink cut' : 'uplink restored');
      parts.uplink.setPaused(paused);
    };
    const live = new LiveSettings({
      settings,
      parts: [
        ...(deps.liveParts ?? []),
        ...liveParts({ ingestOf, routed, access, uplink: agentUplink, policies, alarms }),
      ],
      alarms,
      log,
    });
    const http = await startAgentHttp({
      settings,
      hosts: () => live.now.httpHosts,
      parts,
      metrics,
      setUplinkPaused,
      log,
    });
    undo.push(() => http.close());

    const [first, ...others] = broker.listeners.map((one) => `${one.name}=${formatAddress(one)}`);
    const mqttPort = broker.listeners[0]!.port;
    const https =
      settings.httpTls === undefined ? '' : ` https=${hostOf(settings.httpTls)}:${http.securePort}`;
    log.info('agent started', {
      gateway: settings.gateway,
      dir,
      hub: settings.hub,
      mqtt: mqttPort,
      http: http.port,
    });
    return {
      ready: `agent ${settings.gateway} ${first} http=${hostOf(settings.http)}:${http.port}${https}${others.map((one) => ` ${one}`).join('')}`,
      mqttPort,
      httpPort: http.port,
      status: () => agentStatus(parts),
      setUplinkPaused,
      reload: (load) => live.reload(load),
      stop: stopAll,
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/**
 * What was acknowledged is on disk; whoever supervises the process starts it again. At once, because lmdb-js leaves
 * promises of the failed commit behind, which nobody can handle and which would end the process with a worse message.
 */
function endProcess(error: EdgelogError): never {
  process.exit(reportFatal(error));
}

/** Bytes that the files of a directory take on disk; 0 where there is none. */
function allocatedUnder(dir: string): number {
  const names = existsSync(dir) ? readdirSync(dir) : [];
  const stats = names.map((name) => statSync(join(dir, name), { throwIfNoEntry: false }));
  return stats.reduce((sum, stat) => sum + (stat?.blocks ?? 0) * 512, 0);
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}
