/** How far commits may be spaced out to spare the disk. */
export interface CommitPacing {
  /** Longest time from one commit to the next while there is work, ms; 0: as soon as the disk is free. */
  intervalMs: number;
  /** So much makes a commit worth its flush: it waits no longer. */
  enoughBytes: number;
}

/**
 * When the next commit is made. What comes after a pause commits at once; what follows within the interval waits for the rest of it,
 * unless enough has gathered before. So a lone message never waits, a steady trickle shares commits, and a flood is not held up. Pure.
 */
export class CommitPace {
  readonly #pacing: CommitPacing;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(pacing: CommitPacing) {
    this.#pacing = pacing;
  }

  /** How long what has gathered is still to wait, ms of a monotonic clock; 0: not at all. */
  waitMs(gatheredBytes: number, nowMs: number): number {
    const { intervalMs, enoughBytes } = this.#pacing;
    if (gatheredBytes >= enoughBytes) return 0;
    return Math.min(intervalMs, Math.max(0, this.#lastMs + intervalMs - nowMs));
  }

  /** A commit is made now. */
  committed(nowMs: number): void {
    this.#lastMs = nowMs;
  }
}
