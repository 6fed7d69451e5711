/** How far commits may be spaced out to spare the disk. */
export interface CommitPacing {
  /** Longest time from one commit to the next while there is work, ms; 0: as soon as the disk is free. */
  intervalMs: number;
  /** So much makes a commit worth its flush: it waits no longer. */
  enoughBytes: number;
  /** Nobody waits for more where nobody can send more. */
  hastens: boolean;
}

/** What a source that has sent something waits for. */
export interface Awaited {
  /** When the source was told, ms of the monotonic clock. */
  readonly doneMs: number | undefined;
}

interface Source {
  lastMs: number;
  /** Number of commits before what it sent last. */
  group: number;
  awaited: Awaited;
  /** It sends more before it is told of what it has sent. */
  isAhead: boolean;
}

/**
 * When the next commit is made. What comes after a pause commits at once; what follows within the interval waits for the rest of it,
 * unless enough has gathered before. So a lone message never waits, a steady trickle shares commits, and a flood is not held up.
 *
 * Where `hastens`, a commit waits no longer either when all who sent something or were told within the interval have something in it and wait to be told: a few clients that
 * send one message after the other would each time wait out the interval, and nothing would come meanwhile. One who sends on without being told may always
 * add to a commit, and so may whoever was told, or soon will be. Pure.
 */
export class CommitPace {
  readonly #pacing: CommitPacing;
  #lastMs = Number.NEGATIVE_INFINITY;
  /** In the order they were heard last. */
  readonly #sources = new Map<object, Source>();
  /** When something came of a source that never waits. */
  #unawaitedMs = Number.NEGATIVE_INFINITY;
  #group = 0;

  constructor(pacing: CommitPacing) {
    this.#pacing = pacing;
  }

  /** `source` has sent something and waits for `awaited`; undefined: a source that waits for nothing. */
  took(source: object | undefined, awaited: Awaited, nowMs: number): void {
    if (!this.#pacing.hastens) return;
    if (source === undefined) {
      this.#unawaitedMs = nowMs;
      return;
    }
    const known = this.#sources.get(source);
    if (known === undefined) {
      this.#sources.set(source, { lastMs: nowMs, group: this.#group, awaited, isAhead: false });
      return;
    }
    known.isAhead = known.awaited.doneMs === undefined;
    known.awaited = awaited;
    known.group = this.#group;
    if (known.lastMs === nowMs) return;
    known.lastMs = nowMs;
    this.#sources.delete(source);
    this.#sources.set(source, known);
  }

  /** How long what has gathered is still to wait, ms of a monotonic clock; 0: not at all. */
  waitMs(gatheredBytes: number, nowMs: number): number {
    const { intervalMs, enoughBytes } = this.#pacing;
    if (gatheredBytes >= enoughBytes) return 0;
    const waitMs = Math.min(intervalMs, Math.max(0, this.#lastMs + intervalMs - nowMs));
    return waitMs > 0 && this.#allWait(nowMs) ? 0 : waitMs;
  }

  /** A commit is made now. */
  committed(nowMs: number): void {
    this.#lastMs = nowMs;
    this.#group++;
    this.#forget(nowMs);
  }

  #allWait(nowMs: number): boolean {
    if (!this.#pacing.hastens || this.#unawaitedMs > nowMs - this.#pacing.intervalMs) return false;
    this.#forget(nowMs);
    for (const source of this.#sources.values()) {
      const isIn = source.group === this.#group && !source.isAhead;
      if (!isIn && this.#isActive(source, nowMs)) return false;
    }
    return this.#sources.size > 0;
  }

  #isActive({ awaited, lastMs }: Source, nowMs: number): boolean {
    return awaited.doneMs === undefined || Math.max(awaited.doneMs, lastMs) > nowMs - this.#pacing.intervalMs;
  }

  #forget(nowMs: number): void {
    for (const [name, source] of this.#sources) {
      if (this.#isActive(source, nowMs)) return;
      this.#sources.delete(name);
    }
  }
}
