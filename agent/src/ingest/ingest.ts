import type { Alarms, Reading, StreamSet } from '@edgelog/edge';
import type { RecordHeader } from '@edgelog/wire';
import { type DeviceTime, deviceTimeReader, plausible } from './device-time.ts';
import type { Incoming, Ingest, Taken } from './incoming.ts';
import type { Route } from './route.ts';
import { Router, type RouterOptions, type Step, type Verdict } from './router.ts';
import type { SampleDecision } from './sampler.ts';
import type { Births } from './sparkplug/births.ts';
import { type Decoded, decodeSparkplug, isSparkplugTopic } from './sparkplug/decode.ts';

export interface IngestOptions extends Omit<RouterOptions, 'onTooManyTopics'> {
  streams: Pick<StreamSet, 'append' | 'appendAll'>;
  /** What the records' timestamps come from, ms. */
  now: () => number;
  monotonicMs: () => number;
  alarms: Pick<Alarms, 'raise'>;
  /** Those of Sparkplug B edge nodes; they outlive the routes, since a node that is not asked is not born again. */
  births: Births;
}

export interface RouteStatus {
  name: string;
  matched: number;
  records: number;
  dropped: number;
  sampledOut: number;
  timeFaults: number;
  sparkplugRaw: number;
}

export interface IngestStatus {
  routes: RouteStatus[];
  /** Messages that no route matched. */
  unrouted: number;
  /** Topics that templates made, and how many they may make. */
  routedTopics: number;
  maxRoutedTopics: number;
  /** The last fault of a device's time or a Sparkplug payload. */
  lastFault: string | undefined;
}

export interface RoutedIngest extends Ingest {
  status(): IngestStatus;
  /** What each route says of a message, and why. */
  explain(message: Incoming): Verdict[];
}

interface Routed {
  topic: string;
  reading: Reading;
}

const DONE: Taken = { durable: Promise.resolve() };
export const TOPICS_ALARM = 'routes: too many topics';

/** Takes messages through the routes. Throws CONFIG_INVALID naming the route that is wrong. */
export function createIngest(options: IngestOptions): RoutedIngest {
  const {
    streams,
    topic: defaultTopic,
    alarms,
    now,
    monotonicMs,
    maxRoutedTopics,
    unrouted,
    births,
  } = options;
  const router = new Router({
    ...options,
    onTooManyTopics: (topic, wanting) =>
      alarms.raise(
        TOPICS_ALARM,
        `${wanting} would make topics such as ${topic}, but ${maxRoutedTopics} were made by routes already (maxRoutedTopics): such readings go to ${defaultTopic}, with the header edgelog.topic`,
        'events',
      ),
  });
  const timeReaders = new Map(router.routes.map((route) => [route, timeReader(route)]));
  let unroutedCount = 0;
  let lastFault: string | undefined;

  const fault = (route: Route, message: Incoming, why: string): void => {
    lastFault = `${route.name}, ${message.name}: ${why}`.slice(0, 500);
  };

  const deviceTime = (
    { route }: Step,
    message: Incoming,
    decoded: Decoded | undefined,
  ): RecordHeader | undefined => {
    const { timestamp } = route.setting;
    if (timestamp === 'arrival') return undefined;
    const said: DeviceTime =
      timestamp !== 'sparkplug'
        ? timeReaders.get(route)!(message.value)
        : decoded?.timestampMs === undefined
          ? { fault: 'the payload has no Sparkplug timestamp' }
          : { ms: decoded.timestampMs };
    const time = plausible(said, now());
    if ('ms' in time) return { key: 'edgelog.time', value: Buffer.from(String(time.ms)) };
    route.counters.timeFaults++;
    fault(route, message, time.fault);
    return undefined;
  };

  const routed = (step: Step, message: Incoming, decoded: Decoded | undefined): Routed => {
    const { route, topic, key } = step;
    const headers = [...message.headers, ...(message.properties ?? []), ...step.headers];
    const time = deviceTime(step, message, decoded);
    if (time !== undefined) headers.push(time);
    let { value } = message;
    if (decoded !== undefined && route.setting.sparkplug === 'json') {
      const isRaw = 'raw' in decoded;
      headers.push({ key: 'edgelog.sparkplug', value: Buffer.from(isRaw ? decoded.raw : 'json') });
      if (isRaw) {
        route.counters.sparkplugRaw++;
        fault(route, message, decoded.why);
      } else value = decoded.json;
    }
    return { topic, reading: { key, value, headers, waiter: message.waiter } };
  };

  /** Without allocating: what most messages are. */
  const asItIs = (topic: string, key: string, message: Incoming, alongside?: () => void): Taken => {
    const { value, headers, properties, waiter } = message;
    const all = properties === undefined || properties.length === 0 ? headers : [...headers, ...properties];
    return streams.append(topic, { key, value, headers: all, waiter }, alongside);
  };

  const takeSteps = (steps: readonly Step[], message: Incoming, alongside?: () => void): Taken => {
    const decoded =
      steps.some(({ route }) => needsSparkplug(route)) && isSparkplugTopic(message.name)
        ? decodeSparkplug(message.name, message.value, births)
        : undefined;
    const records: Routed[] = [];
    const samples: SampleDecision[] = [];
    const after: (() => void)[] = [];
    for (const step of steps) {
      const { setting, sampler, counters } = step.route;
      const sample = sampler?.decide(step.key, message.value, monotonicMs());
      if (sample !== undefined) samples.push(sample);
      if (setting.drop) after.push(() => counters.dropped++);
      else if (sample?.keep === false) after.push(() => counters.sampledOut++);
      else {
        records.push(routed(step, message, decoded));
        after.push(() => counters.records++);
      }
    }
    const save = decoded !== undefined && 'save' in decoded ? decoded.save : undefined;
    const together =
      save === undefined
        ? alongside
        : () => {
            save();
            alongside?.();
          };
    const taken = hand(records, together);
    // The log has taken it: only now does it count.
    for (const { route } of steps) route.counters.matched++;
    for (const sample of samples) sample.apply();
    for (const count of after) count();
    return taken;
  };

  const hand = (records: readonly Routed[], alongside?: () => void): Taken => {
    if (records.length > 1) return streams.appendAll(records, alongside);
    const [only] = records;
    if (only !== undefined) return streams.append(only.topic, only.reading, alongside);
    alongside?.();
    return DONE;
  };

  return {
    take(message, alongside) {
      const { steps, isUnrouted } = router.plan(message);
      if (isUnrouted) {
        if (unrouted === 'drop') alongside?.();
        const taken = unrouted === 'drop' ? DONE : asItIs(defaultTopic, message.name, message, alongside);
        unroutedCount++;
        return taken;
      }
      const [first] = steps;
      if (steps.length > 1 || !isPlain(first!)) return takeSteps(steps, message, alongside);
      const taken = asItIs(first!.topic, first!.key, message, alongside);
      first!.route.counters.matched++;
      first!.route.counters.records++;
      return taken;
    },
    explain: (message) => router.explain(message),
    status: () => ({
      routes: router.routes.map(({ name, counters }) => ({ name, ...counters })),
      unrouted: unroutedCount,
      routedTopics: router.routedTopics,
      maxRoutedTopics,
      lastFault,
    }),
  };
}

function needsSparkplug({ setting }: Route): boolean {
  return setting.sparkplug === 'json' || setting.timestamp === 'sparkplug';
}

/** Goes on as it came, under another topic and key at most. */
function isPlain({ route, headers }: Step): boolean {
  const { drop, timestamp } = route.setting;
  return (
    !drop &&
    route.sampler === undefined &&
    timestamp === 'arrival' &&
    !needsSparkplug(route) &&
    headers.length === 0
  );
}

function timeReader({ setting }: Route): (payload: Buffer) => DeviceTime {
  const { timestamp } = setting;
  if (typeof timestamp === 'string') return () => ({ fault: 'no path' });
  return deviceTimeReader(timestamp.path, timestamp.format);
}
