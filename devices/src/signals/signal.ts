/** One reading's fields, by the names that go into the payload. */
export type Fields = Readonly<Record<string, number | string>>;

/** A model of one measured quantity. Time only goes forward; `timeMs` is since the Unix epoch. */
export interface Signal {
  sample(timeMs: number): Fields;
}

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** A sine of one day's period with its top at `peakHour` (UTC); between −1 and 1. */
export function dailyCycle(timeMs: number, peakHour: number): number {
  return Math.cos((2 * Math.PI * (timeMs - peakHour * HOUR_MS)) / DAY_MS);
}

export function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
