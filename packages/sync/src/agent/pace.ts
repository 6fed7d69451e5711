/** However slow the link, so much may be under way; and a batch at least. */
const LEAST_BYTES = 64 * 1024;
/** What is under way takes the link so long, beside the way there and back: fresh data waits no longer behind what was sent before it. */
const AHEAD_MS = 2_000;
/** The link's rate is the best that was seen in the last one or two of these. */
const REMEMBER_MS = 5_000;

/** What acknowledgements say of the link: bytes per ms, and the way there and back. */
export interface Pace {
  deliveredBytes: number;
  rttMs: number | undefined;
  rate: number;
  rateBefore: number;
  rateSince: number;
}

/** A batch as it was sent. */
export interface Departure {
  sentAt: number;
  deliveredAtSend: number;
}

export const newPace = (now: number): Pace => ({
  deliveredBytes: 0,
  rttMs: undefined,
  rate: 0,
  rateBefore: 0,
  rateSince: now,
});

/** A batch of `bytes` that left then is acknowledged. */
export function delivered(
  pace: Pace,
  { sentAt, deliveredAtSend }: Departure,
  bytes: number,
  now: number,
): void {
  pace.deliveredBytes += bytes;
  const tookMs = Math.max(1, now - sentAt);
  pace.rttMs = Math.min(pace.rttMs ?? tookMs, tookMs);
  if (now - pace.rateSince >= REMEMBER_MS) {
    pace.rateBefore = now - pace.rateSince >= 2 * REMEMBER_MS ? 0 : pace.rate;
    pace.rate = 0;
    pace.rateSince = now;
  }
  pace.rate = Math.max(pace.rate, (pace.deliveredBytes - deliveredAtSend) / tookMs);
}

/** How much may be under way: what the link carries in two seconds, so that what becomes urgent is not behind minutes of backlog. */
export function inFlightMax(pace: Pace): number {
  const rate = Math.max(pace.rate, pace.rateBefore);
  return Math.max(LEAST_BYTES, rate * (AHEAD_MS + (pace.rttMs ?? 0)));
}
