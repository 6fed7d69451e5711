import { HANDOVER_MS, HANDOVER_MS_MAX, LOOK_AFTER_MS, LOOK_AFTER_MS_MIN } from './limits.ts';

/** So many times as long as a look took are what was sent behind it, and is still on its way, waited for. */
const LOOKS = 4;
/** The quickest of so many tells how long a look takes on this link: a broker that fails over makes one or two of them slow. */
const SEEN = 4;

/**
 * How long who opens a run next waits for what this session has under way. A link on which a look for other openings takes long asks for
 * more than others: it says so in the position records, and goes by it from the first look on that began after such a record was committed.
 * Who opened the run without having seen that record is found by this look. Pure.
 */
export class Handover {
  /** The last looks. */
  readonly #tookMs: number[] = [];
  #wantedMs = HANDOVER_MS;
  #agreedMs = HANDOVER_MS;
  #written: { readonly ms: number; readonly at: number } | undefined;

  /** What may be counted on. */
  get agreedMs(): number {
    return this.#agreedMs;
  }

  /** What is to be written down; never less than before. */
  get wantedMs(): number {
    return this.#wantedMs;
  }

  /**
   * How long what is committed may wait for a look: from the beginning of the last one to the end of the next, behind which nothing more is sent, no more than
   * half of what may be counted on goes by. The other half is for what was sent last.
   */
  get lookAfterMs(): number {
    const restMs = this.#agreedMs / 2 - 2 * (this.#tookMs.at(-1) ?? 0);
    return Math.max(LOOK_AFTER_MS_MIN, Math.min(LOOK_AFTER_MS, restMs));
  }

  /** A look that found nobody began and ended then, monotonic. */
  looked(beganAt: number, endedAt: number): void {
    this.#tookMs.push(endedAt - beganAt);
    if (this.#tookMs.length > SEEN) this.#tookMs.shift();
    if (this.#tookMs.length === SEEN) {
      const wanted = Math.ceil(LOOKS * Math.min(...this.#tookMs));
      this.#wantedMs = Math.min(HANDOVER_MS_MAX, Math.max(this.#wantedMs, wanted));
    }
    if (this.#written === undefined || beganAt < this.#written.at) return;
    this.#agreedMs = this.#written.ms;
    this.#written = undefined;
  }

  /** A record that says so was committed by then, monotonic. */
  written(ms: number, at: number): void {
    if (ms > this.#agreedMs && ms !== this.#written?.ms) this.#written = { ms, at };
  }
}

/** As a record asks for it, or one that does not. */
export function handoverOf({ handoverMs = HANDOVER_MS }: { handoverMs?: number | undefined } = {}): number {
  return Math.min(HANDOVER_MS_MAX, Math.max(HANDOVER_MS, handoverMs));
}
