import { type Alarms, type GatewayClock, openLanes, type StreamSet, type TopicPolicies } from '@edgelog/edge';
import type { Logger } from '@edgelog/runtime';
import type { KafkaSinkStatus } from '@edgelog/sink';
import {
  type AgentPort,
  startUplink,
  type Uplink,
  type UplinkLimits,
  type UplinkTuning,
  UploadWindows,
} from '@edgelog/sync';
import type { AgentSettings } from '../settings.ts';
import { kafkaUrlOf } from './hub-setting.ts';
import { KafkaHub } from './kafka.ts';
import { REFUSED_ALARM, refusalAdvice } from './refusal.ts';
import { routeTo } from './route.ts';

export interface AgentUplinkOptions {
  settings: AgentSettings;
  identity: AgentPort['identity'];
  streams: StreamSet;
  policies: TopicPolicies;
  clock: GatewayClock;
  alarms: Alarms;
  log: Logger;
  tuning?: Partial<UplinkTuning> | undefined;
}

/** How often streams are looked at for a backlog that fresh readings should not wait behind. */
const LANES_EVERY_MS = 1_000;
/** How old the oldest reading of a backlog is, when the uplink comes back and while it is there: a moment's traffic is none. */
const BACKLOG_AGE_MS = { back: 1_000, there: 10_000 } as const;

export interface AgentUplink extends Uplink {
  /** Undefined where there is a hub, or no cluster was reached yet. */
  kafka(): KafkaSinkStatus | undefined;
}

/** How much may be sent and when, as the settings say. */
export function limitsOf(
  settings: Pick<
    AgentSettings,
    'uplinkMaxBytesPerSecond' | 'uplinkWindows' | 'uplinkZone' | 'uplinkUrgentPriority'
  >,
): UplinkLimits {
  const { uplinkMaxBytesPerSecond: cap, uplinkWindows, uplinkZone, uplinkUrgentPriority } = settings;
  const windows = () => ({
    allowed: new UploadWindows(uplinkWindows, uplinkZone),
    urgentPriority: uplinkUrgentPriority,
  });
  return {
    maxBytesPerSecond: cap === 0 ? undefined : cap,
    windows: uplinkWindows.length === 0 ? undefined : windows(),
  };
}

/** Keeps a session with the hub, or the Kafka cluster in its place, as the settings say. `stop` ends it. Throws CONFIG_INVALID. */
export async function startAgentUplink(options: AgentUplinkOptions): Promise<AgentUplink> {
  const { settings, identity, streams, policies, clock, alarms, log, tuning = {} } = options;
  const laneStreams = () =>
    [...streams.list()].filter(({ state }) => {
      const { lane, priority } = policies.of(state.topic);
      return lane === 'live-first' && uplink.isOpenFor(priority);
    });
  const lookForBacklogs = (ageMs: number) => {
    for (const topic of openLanes(laneStreams(), clock.now(), ageMs))
      log.info('fresh readings go beside the backlog', { topic });
  };
  const url = kafkaUrlOf(settings);
  const kafka =
    url === undefined
      ? undefined
      : await KafkaHub.prepare({ url, gateway: settings.gateway, settings, alarms, log });
  const uplink = startUplink({
    urls: settings.hub,
    connect: kafka?.connect,
    log,
    port: {
      identity,
      streams: () =>
        [...streams.list()]
          .filter(({ isDurable }) => isDurable)
          .flatMap(({ uplink: stream }) => [...stream.runs()]),
      unconfirmedGaps: () => streams.gaps.list(),
      gapConfirmed: (gap) => streams.gaps.confirm(gap),
    },
    nowMs: () => clock.now(),
    onHubTime: (hubTimeMs, roundTripMs) => clock.onHubTime(hubTimeMs, roundTripMs),
    onWelcome: () => {
      lookForBacklogs(BACKLOG_AGE_MS.back);
      streams.armLinger();
    },
    onRefusal: (refusal) => {
      if (refusal === undefined) alarms.clear(REFUSED_ALARM);
      else alarms.raise(REFUSED_ALARM, refusalAdvice(settings.gateway, refusal, url));
    },
    ...limitsOf(settings),
    route: (hub) => (kafka === undefined ? routeTo(hub, settings) : {}),
    tuning,
  });
  const timer = setInterval(() => {
    lookForBacklogs(BACKLOG_AGE_MS.there);
    // An upload window may have opened.
    streams.armLinger();
    kafka?.look(uplink.status().streams);
  }, LANES_EVERY_MS);
  timer.unref();
  const stop = async () => {
    clearInterval(timer);
    await uplink.stop();
    await kafka?.stop();
  };
  return {
    notify: () => uplink.notify(),
    setPaused: (paused) => uplink.setPaused(paused),
    setLimits: (limits) => uplink.setLimits(limits),
    isOpenFor: (priority) => uplink.isOpenFor(priority),
    status: () => uplink.status(),
    isCongestedFor: (priority) => uplink.isCongestedFor(priority),
    kafka: () => kafka?.status(),
    stop,
  };
}
