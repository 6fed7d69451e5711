import type { Reading } from '@edgelog/edge';
import type { Incoming } from './incoming.ts';
import { createIngest } from './ingest.ts';
import type { RouterOptions, Verdict } from './router.ts';
import { Births } from './sparkplug/births.ts';

export type DryRunSettings = Pick<RouterOptions, 'routes' | 'topic' | 'unrouted' | 'maxRoutedTopics'>;

/** What would become of one message. */
export interface DryRunResult {
  kind: Incoming['kind'];
  name: string;
  routes: Verdict[];
  /** Where no route matched: the one that followed most of the name, if any followed some. */
  nearest: string | undefined;
  outcome: 'taken' | 'left out' | 'no route' | 'no route, dropped';
  records: { topic: string; key: string; headers: Record<string, string>; value: string }[];
  /** A device time or a Sparkplug payload that cannot be used; too many topics. */
  fault: string | undefined;
}

/** Sends messages through routes as the agent would, into streams that only look at them. Throws CONFIG_INVALID. */
export function createDryRun(settings: DryRunSettings): (message: Incoming) => DryRunResult {
  let records: DryRunResult['records'] = [];
  let alarm: string | undefined;
  const keep = (topic: string, { key, headers, value }: Reading): void => {
    const shown = Object.fromEntries(headers.map((one) => [one.key, one.value?.toString() ?? '']));
    records.push({ topic, key, headers: shown, value: preview(value) });
  };
  const ingest = createIngest({
    ...settings,
    existingTopics: [],
    now: Date.now,
    monotonicMs: () => performance.now(),
    alarms: {
      raise: (_name, message) => {
        alarm = message;
      },
    },
    births: new Births({ entries: () => [], put: () => {} }),
    streams: {
      append: (topic, reading, alongside) => {
        keep(topic, reading);
        alongside?.();
        return { offset: 0, durable: Promise.resolve() };
      },
      appendAll: (readings, alongside) => {
        for (const { topic, reading } of readings) keep(topic, reading);
        alongside?.();
        return { durable: Promise.resolve() };
      },
    },
  });
  return (message) => {
    records = [];
    alarm = undefined;
    const faultsBefore = faults(ingest);
    const routes = ingest.explain(message);
    ingest.take(message);
    const isRouted = routes.some(({ outcome }) => outcome === 'matched');
    const isTaken = records.length > 0;
    return {
      kind: message.kind,
      name: message.name,
      routes,
      nearest: isRouted ? undefined : nearest(routes),
      outcome: isRouted ? (isTaken ? 'taken' : 'left out') : isTaken ? 'no route' : 'no route, dropped',
      records,
      fault: alarm ?? (faults(ingest) > faultsBefore ? ingest.status().lastFault : undefined),
    };
  };
}

function faults(ingest: ReturnType<typeof createIngest>): number {
  return ingest.status().routes.reduce((sum, route) => sum + route.timeFaults + route.sparkplugRaw, 0);
}

function nearest(routes: readonly Verdict[]): string | undefined {
  let best: Verdict | undefined;
  for (const one of routes) if ((one.levels ?? 0) > (best?.levels ?? 0)) best = one;
  return best?.route;
}

const PREVIEW_BYTES = 200;

function preview(value: Buffer): string {
  const text = value.subarray(0, PREVIEW_BYTES).toString();
  const shown = text.includes('\ufffd')
    ? `base64 ${value.subarray(0, PREVIEW_BYTES).toString('base64')}`
    : text;
  return value.length > PREVIEW_BYTES ? `${shown}… (${value.length} bytes)` : shown;
}
