/** A time in which nothing was acknowledged on a partition that somebody wrote to all the time. */
export interface Outage {
  readonly partition: string;
  readonly fromMs: number;
  /** Undefined while it lasts. */
  readonly toMs: number | undefined;
}

/** Shorter silences are those of a busy machine. */
const OUTAGE_MS = 250;

/** When partitions could be written to, as who writes to each of them without pause was told. */
export class Availability {
  readonly #lastAckMs = new Map<string, number>();
  readonly #outages: Outage[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get partitions(): readonly string[] {
    return [...this.#lastAckMs.keys()];
  }

  acknowledged(partition: string): void {
    const toMs = this.#nowMs();
    const fromMs = this.#lastAckMs.get(partition) ?? toMs;
    if (toMs - fromMs >= OUTAGE_MS) this.#outages.push({ partition, fromMs, toMs });
    this.#lastAckMs.set(partition, toMs);
  }

  /** Whether everything was acknowledged on since a time. */
  allSince(sinceMs: number): boolean {
    return [...this.#lastAckMs.values()].every((atMs) => atMs > sinceMs);
  }

  /** Outages that end after a time, those that last included. */
  outagesSince(sinceMs: number): Outage[] {
    const lasting = [...this.#lastAckMs]
      .filter(([, atMs]) => this.#nowMs() - atMs >= OUTAGE_MS)
      .map(([partition, fromMs]) => ({ partition, fromMs, toMs: undefined }));
    return [...this.#outages.filter(({ toMs }) => toMs! > sinceMs), ...lasting];
  }

  /** How long the partition that had to wait longest could not be written to, counted from a time on. */
  longestOutageMs(sinceMs: number): number {
    return this.outagesSince(sinceMs)
      .map(({ fromMs, toMs = this.#nowMs() }) => toMs - Math.max(fromMs, sinceMs))
      .reduce((longest, each) => Math.max(longest, each), 0);
  }
}
