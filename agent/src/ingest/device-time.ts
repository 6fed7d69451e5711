import { isoTime } from './iso-time.ts';
import { parsePayload, stepsOf, valueAt } from './json.ts';

/** A device that says it is older was never set. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
/** How far a device's clock may be ahead of the gateway's. */
const AHEAD_MS_MAX = 86_400_000;
const TO_MS = {
  // To the microsecond first: 1700000000.123 × 1000 is a little less than 1700000000123.
  s: (number: number) => Math.floor(Math.round(number * 1e6) / 1e3),
  ms: Math.floor,
  us: (number: number) => Math.floor(number / 1e3),
  ns: (number: number) => Math.floor(number / 1e6),
} as const;

export type TimeFormat = keyof typeof TO_MS | 'iso';

/** What a device says of the time of its reading: ms since 1970, or why that cannot be used. */
export type DeviceTime = { ms: number } | { fault: string };

/** Reads times of one format at one place in JSON payloads. */
export function deviceTimeReader(path: string, format: TimeFormat): (payload: Buffer) => DeviceTime {
  const steps = stepsOf(path);
  return (payload) => {
    const found = valueAt(parsePayload(payload), steps);
    if (found === undefined) return { fault: `the payload has no JSON value at ${path}` };
    return toTime(found, format);
  };
}

function toTime(found: unknown, format: TimeFormat): DeviceTime {
  const shown = JSON.stringify(found)?.slice(0, 80);
  if (format === 'iso') {
    const ms = typeof found === 'string' ? isoTime(found) : undefined;
    return ms === undefined ? { fault: `${shown} is not an ISO 8601 time` } : { ms };
  }
  const number = typeof found === 'string' && found.trim() !== '' ? Number(found) : found;
  if (typeof number !== 'number' || !Number.isFinite(number)) return { fault: `${shown} is not a number` };
  return { ms: TO_MS[format](number) };
}

/** A time that cannot be is a fault: the record's own time says when it arrived. */
export function plausible(time: DeviceTime, arrivalMs: number): DeviceTime {
  if ('fault' in time) return time;
  const { ms } = time;
  if (ms < EARLIEST_MS) return { fault: `the device's time ${shownTime(ms)} is before 2000` };
  if (ms > arrivalMs + AHEAD_MS_MAX) {
    return { fault: `the device's time ${shownTime(ms)} is more than a day ahead of the gateway's` };
  }
  return time;
}

function shownTime(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`;
}
