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
  readonly name: object;
  lastMs: number;
  /** Number of commits before what it sent last. */
  group: number;
  awaited: Awaited;
  /** It sent when it was told of all before, or soon after: being told sooner, it sends sooner. */
  isPrompt: boolean;
  /** Heard before this one; undefined: none was. */
  earlier: Source | undefined;
  later: Source | undefined;
}

/** Who sends within this part of the interval after being told is taken to have waited for it. */
const PROMPT_PART = 1 / 2;

/**
 * When the next commit is made. What comes after a pause commits at once; what follows within the interval waits for the rest of it,
 * unless enough has gathered before. So a lone message never waits, a steady trickle shares commits, and a flood is not held up.
 *
 * Where `hastens`, a commit waits no longer either when all who sent something or were told within the interval have something in it and wait to be told: a few clients that
 * send one message after the other would each time wait out the interval, and nothing would come meanwhile. One who sends on without being told may always
 * add to a commit, and so may whoever was told, or soon will be. Nor does it hasten a commit who sends by a clock of its own, long after it was told: ten
 * devices that each send every 10 ms would all have something in each commit after 10 ms, whatever the interval. Pure.
 */
export class CommitPace {
  readonly #pacing: CommitPacing;
  #lastMs = Number.NEGATIVE_INFINITY;
  readonly #sources = new Map<object, Source>();
  /** The list of sources in the order they were heard last: that of a map would have each message make it anew. */
  #first: Source | undefined;
  #last: Source | undefined;
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
      this.#append({
        name: source,
        lastMs: nowMs,
        group: this.#group,
        awaited,
        isPrompt: true,
        earlier: undefined,
        later: undefined,
      });
      return;
    }
    const { doneMs } = known.awaited;
    known.isPrompt = doneMs !== undefined && nowMs - doneMs <= this.#pacing.intervalMs * PROMPT_PART;
    known.awaited = awaited;
    known.group = this.#group;
    if (known.lastMs === nowMs) return;
    known.lastMs = nowMs;
    if (known === this.#last) return;
    this.#unlink(known);
    this.#link(known);
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
    for (let source = this.#first; source !== undefined; source = source.later) {
      const waits = source.group === this.#group && source.isPrompt;
      if (!waits && this.#isActive(source, nowMs)) return false;
    }
    return this.#first !== undefined;
  }

  #isActive({ awaited, lastMs }: Source, nowMs: number): boolean {
    return awaited.doneMs === undefined || Math.max(awaited.doneMs, lastMs) > nowMs - this.#pacing.intervalMs;
  }

  #forget(nowMs: number): void {
    for (let source = this.#first; source !== undefined && !this.#isActive(source, nowMs); ) {
      const { later } = source;
      this.#sources.delete(source.name);
      this.#unlink(source);
      source = later;
    }
  }

  #append(source: Source): void {
    this.#sources.set(source.name, source);
    this.#link(source);
  }

  #link(source: Source): void {
    source.earlier = this.#last;
    if (this.#last === undefined) this.#first = source;
    else this.#last.later = source;
    this.#last = source;
  }

  /** What was taken out points to nothing: garbage that points to what is alive keeps it from being found to be garbage in its turn. */
  #unlink(source: Source): void {
    const { earlier, later } = source;
    if (earlier === undefined) this.#first = later;
    else earlier.later = later;
    if (later === undefined) this.#last = earlier;
    else later.earlier = earlier;
    source.earlier = undefined;
    source.later = undefined;
  }
}
