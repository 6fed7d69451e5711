import type { RecordHeader } from '@edgelog/wire';

/** What a stream needs of the gateway's clock. */
export interface RecordClock {
  /** ms since 1970, whole. */
  now(): number;
  readonly isTrusted: boolean;
  /** A log holds records of this time. */
  raiseFloor(timeMs: number): void;
}

export type ClockMode = 'unconfirmed' | 'system' | 'hub' | 'held';

export interface ClockStatus {
  /** What records are stamped with. */
  time: string;
  trusted: boolean;
  source: ClockMode;
  /** What the system's clock says. */
  system: string;
  /** Since a hub or the system last confirmed the time; a clock that runs on by itself drifts some seconds a day. */
  confirmedAgoMs: number | null;
  /** Hub's clock − system's clock when a hub last handed out its time, ms. */
  offsetToHubMs: number | null;
  /** How often the system's clock jumped since the start. */
  jumps: number;
  lastJump: { byMs: number; time: string } | undefined;
}

/** On each record that was taken before the clock was trusted. */
export const UNTRUSTED_HEADER: RecordHeader = { key: 'edgelog.clock', value: Buffer.from('untrusted') };

/** A trusted clock that is further behind a log's latest time than this proves that time wrong. */
export const FLOOR_HELD_MS_MAX = 60_000;

/**
 * The timestamp of a log's next record. Time does not run backwards in a log, with one exception: what was stamped by a clock
 * that was ahead by more than a minute does not bind one that is trusted, or a moment in 2038 would stamp everything with it
 * for years. A look-up by time stays exact, since it goes by the running maximum, as Kafka's does.
 */
export function nextTimestamp(floorMs: number, clock: Pick<RecordClock, 'now' | 'isTrusted'>): number {
  const now = clock.now();
  if (now >= floorMs) return now;
  return clock.isTrusted && floorMs - now > FLOOR_HELD_MS_MAX ? now : floorMs;
}

/** The reading as it is to be stored: taken by a clock that is not trusted, it says so. */
export function markUntrusted<R extends { headers: readonly RecordHeader[] }>(
  reading: R,
  clock: Pick<RecordClock, 'isTrusted'>,
): R {
  return clock.isTrusted ? reading : { ...reading, headers: [UNTRUSTED_HEADER, ...reading.headers] };
}
