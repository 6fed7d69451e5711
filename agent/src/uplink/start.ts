import { type Alarms, type GatewayClock, openLanes, type StreamSet, type TopicPolicies } from '@edgelog/edge';
import type { Logger } from '@edgelog/runtime';
import {
  type AgentPort,
  type Route,
  startUplink,
  type Uplink,
  type UplinkTuning,
  UploadWindows,
} from '@edgelog/sync';
import type { AgentSettings } from '../settings.ts';
import { proxyAgent, proxyFor, withoutCredentials } from './proxy.ts';
import { REFUSED_ALARM, refusalAdvice } from './refusal.ts';
import { readTlsFiles } from './tls-files.ts';

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

/** Keeps a session with the hub as the settings say. `stop` ends it. Throws CONFIG_INVALID. */
export function startAgentUplink(options: AgentUplinkOptions): Uplink {
  const { settings, identity, streams, policies, clock, alarms, log, tuning = {} } = options;
  const {
    uplinkMaxBytesPerSecond,
    uplinkWindows,
    uplinkZone,
    uplinkUrgentPriority: urgentPriority,
  } = settings;
  const laneStreams = () =>
    [...streams.list()].filter(({ state }) => policies.of(state.topic).lane === 'live-first');
  const lookForBacklogs = (ageMs: number) => {
    for (const topic of openLanes(laneStreams(), clock.now(), ageMs))
      log.info('fresh readings go beside the backlog', { topic });
  };
  const uplink = startUplink({
    urls: settings.hub,
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
    onHubTime: (hubTimeMs, roundTripMs) => clock.onHubTime(hubTimeMs, roundTripMs),
    onWelcome: () => {
      lookForBacklogs(BACKLOG_AGE_MS.back);
      streams.armLinger();
    },
    onRefusal: (refusal) => {
      if (refusal === undefined) alarms.clear(REFUSED_ALARM);
      else alarms.raise(REFUSED_ALARM, refusalAdvice(settings.gateway, refusal));
    },
    maxBytesPerSecond: uplinkMaxBytesPerSecond === 0 ? undefined : uplinkMaxBytesPerSecond,
    windows:
      uplinkWindows.length === 0
        ? undefined
        : { allowed: new UploadWindows(uplinkWindows, uplinkZone), urgentPriority },
    route: (url) => routeTo(url, settings),
    tuning,
  });
  const timer = setInterval(() => {
    if (uplink.status().state === 'live') lookForBacklogs(BACKLOG_AGE_MS.there);
  }, LANES_EVERY_MS);
  timer.unref();
  const stop = uplink.stop.bind(uplink);
  uplink.stop = () => {
    clearInterval(timer);
    return stop();
  };
  return uplink;
}

/** Throws CONFIG_INVALID for a file that cannot be read now. */
function routeTo(url: string, settings: AgentSettings): Route {
  const proxy = proxyFor(url, settings.uplinkProxy, process.env);
  const tls = new URL(url).protocol === 'wss:' ? readTlsFiles(settings) : {};
  if (proxy === undefined) return tls;
  return { ...tls, agent: proxyAgent(proxy), via: withoutCredentials(proxy) };
}
