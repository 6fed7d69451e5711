import type { RecordHeader } from '@edgelog/wire';
import type { Incoming, Ingest } from './ingest/index.ts';

export interface SourceStatus {
  /** `mqtt:<client id>`, `serial:<port>` … */
  source: string;
  lastAt: string;
  messages: number;
  bytes: number;
  /** Messages a second over about the last minute, or since it was heard first. */
  rate: number;
}

interface Seen {
  source: string;
  /** Of the monotonic clock, as are the other times. */
  lastMs: number;
  messages: number;
  bytes: number;
  firstMs: number;
  /** Messages, each of which weighs less the longer ago it came: e to the −1 after RATE_MS. */
  weight: number;
}

const SOURCES_MAX = 1000;
const RATE_MS = 60_000;
/** A burst at the first word says nothing of a rate. */
const LEAST_AGE_MS = 5000;

/**
 * The sources heard last, at most a thousand; one that comes back after it was forgotten begins at zero. A message costs
 * one look by its headers, which all messages of a source share.
 */
export class SourcesSeen {
  readonly #now: () => number;
  readonly #monotonicMs: () => number;
  readonly #byName = new Map<string, Seen>();
  readonly #byHeaders = new WeakMap<readonly RecordHeader[], Seen>();
  #forgotten = 0;

  constructor(now: () => number, monotonicMs: () => number) {
    this.#now = now;
    this.#monotonicMs = monotonicMs;
  }

  /** The same place to hand messages in; what is taken is counted here. */
  watch(ingest: Ingest): Ingest {
    return {
      take: (message, alongside) => {
        const taken = ingest.take(message, alongside);
        this.#note(message);
        return taken;
      },
    };
  }

  /** Heard last first. */
  status(): { forgotten: number; list: SourceStatus[] } {
    const nowMs = this.#monotonicMs();
    const sinceMs = this.#now() - nowMs;
    const list = [...this.#byName.values()]
      .sort((a, b) => b.lastMs - a.lastMs)
      .map((seen) => ({
        source: seen.source,
        lastAt: new Date(sinceMs + seen.lastMs).toISOString(),
        messages: seen.messages,
        bytes: seen.bytes,
        rate: rateOf(seen, nowMs),
      }));
    return { forgotten: this.#forgotten, list };
  }

  #note({ headers, value }: Incoming): void {
    const nowMs = this.#monotonicMs();
    const seen = this.#byHeaders.get(headers) ?? this.#find(headers, nowMs);
    seen.weight = decayed(seen, nowMs) + 1;
    seen.lastMs = nowMs;
    seen.messages++;
    seen.bytes += value.length;
  }

  #find(headers: readonly RecordHeader[], nowMs: number): Seen {
    const header = headers.find(({ key }) => key === 'edgelog.source');
    const source = header?.value?.toString() ?? 'unknown';
    let seen = this.#byName.get(source);
    if (seen === undefined) {
      if (this.#byName.size >= SOURCES_MAX) this.#forgetOldest();
      seen = { source, lastMs: nowMs, messages: 0, bytes: 0, firstMs: nowMs, weight: 0 };
      this.#byName.set(source, seen);
    }
    this.#byHeaders.set(headers, seen);
    return seen;
  }

  #forgetOldest(): void {
    let oldest: Seen | undefined;
    for (const seen of this.#byName.values())
      if (oldest === undefined || seen.lastMs < oldest.lastMs) oldest = seen;
    this.#byName.delete(oldest!.source);
    this.#forgotten++;
  }
}

/** What the weight would be at one message a second, had it come so since the first. */
function rateOf(seen: Seen, nowMs: number): number {
  const ageMs = Math.max(LEAST_AGE_MS, nowMs - seen.firstMs);
  const atOnePerSecond = (RATE_MS / 1000) * (1 - Math.exp(-ageMs / RATE_MS));
  return decayed(seen, nowMs) / atOnePerSecond;
}

function decayed({ weight, lastMs }: Seen, nowMs: number): number {
  if (lastMs === nowMs) return weight;
  return weight * Math.exp((lastMs - nowMs) / RATE_MS);
}
