import { type CheckSpec, isIntact, sentWidth } from './check.ts';
import type { Framer, FramerEvents } from './framer.ts';
import { NoiseRun } from './noise-run.ts';
import { PendingBytes } from './pending-bytes.ts';

export interface MarkersCheck extends CheckSpec {
  at: 'before-end' | 'after-end';
  /** Whether the markers are covered, too. */
  overStart: boolean;
  overEnd: boolean;
}

export interface MarkersOptions {
  start: Buffer;
  end: Buffer;
  checksum?: MarkersCheck | undefined;
  /** Whether markers and checksum are part of what is emitted. */
  keepMarkers: boolean;
  /** Between the markers. */
  maxBytes: number;
}

/** A checksum may hold the bytes of the end marker: this many ends are tried for a start. */
const ENDS_MAX = 8;
/** Starts that are followed at once: the content of a frame may hold the start marker. */
const STARTS_MAX = 16;

interface Start {
  at: number;
  ends: number;
}

/**
 * Frames between two markers. Without a checksum the last start before an end counts, so a frame whose end was lost costs
 * only itself. With one, markers may occur in the content: the first start and end that fit the checksum count.
 */
export class MarkersFramer implements Framer {
  readonly #options: MarkersOptions;
  readonly #events: FramerEvents;
  readonly #noise: NoiseRun;
  readonly #pending = new PendingBytes();
  readonly #checkBytes: number;
  #starts: Start[] = [];
  /** Where starts and ends have been looked for. */
  #seen = 0;
  #hasFailed = false;

  constructor(options: MarkersOptions, events: FramerEvents) {
    this.#options = options;
    this.#events = events;
    this.#noise = new NoiseRun(events);
    this.#checkBytes = options.checksum === undefined ? 0 : sentWidth(options.checksum);
  }

  get pendingBytes(): number {
    return this.#pending.length;
  }

  push(chunk: Buffer): void {
    this.#pending.push(chunk);
    while (this.#step());
  }

  reset(): void {
    this.#forget();
    this.#pending.drop(this.#pending.length);
    this.#noise.reset();
  }

  /** Looks at one position; false when more bytes are needed. */
  #step(): boolean {
    const { start, end, checksum } = this.#options;
    const bytes = this.#pending.view;
    const at = this.#seen;
    const tail = checksum?.at === 'after-end' ? this.#checkBytes : 0;
    const ends = this.#starts.length === 0 ? 'no' : match(bytes, end, at, tail);
    if (ends === 'yes' && this.#tryEnd(bytes, at)) return true;
    const starts = match(bytes, start, at, 0);
    if (ends === 'unknown' || starts === 'unknown') return false;
    if (ends === 'yes') for (const one of this.#starts) one.ends += 1;
    if (starts === 'yes') {
      if (checksum === undefined || this.#starts.length === STARTS_MAX) this.#starts.shift();
      this.#starts.push({ at, ends: 0 });
    }
    this.#seen += 1;
    this.#dropDead();
    return true;
  }

  /** Takes the frame that ends here, if there is one. */
  #tryEnd(bytes: Buffer, at: number): boolean {
    const { start, end, checksum, keepMarkers } = this.#options;
    const isAfter = checksum?.at === 'after-end';
    const contentTo = isAfter ? at : at - this.#checkBytes;
    const frameTo = at + end.length + (isAfter ? this.#checkBytes : 0);
    for (const one of this.#starts) {
      const from = one.at + start.length;
      if (from > contentTo) continue;
      if (checksum !== undefined) {
        const coveredFrom = checksum.overStart ? one.at : from;
        const checkAt = isAfter ? at + end.length : contentTo;
        const covered = bytes.subarray(coveredFrom, contentTo);
        const marker = checksum.overEnd ? end : end.subarray(0, 0);
        const sent = bytes.subarray(checkAt, checkAt + this.#checkBytes);
        if (!isIntact(checksum, Buffer.concat([covered, marker]), sent)) {
          this.#hasFailed = true;
          continue;
        }
      }
      const isOverlong = contentTo - from > this.#options.maxBytes;
      const frame = Buffer.from(
        keepMarkers ? bytes.subarray(one.at, frameTo) : bytes.subarray(from, contentTo),
      );
      this.#noise.add(this.#pending.take(one.at), this.#reason());
      this.#pending.drop(frameTo - one.at);
      this.#forget();
      this.#noise.end();
      if (isOverlong) this.#events.overlong(frame.length);
      else if (frame.length > 0) this.#events.frame(frame);
      return true;
    }
    return false;
  }

  /** Gives up starts that lead nowhere, and the bytes that no start needs. */
  #dropDead(): void {
    const { start, end, maxBytes } = this.#options;
    const limit = start.length + maxBytes + this.#checkBytes + end.length;
    const living = this.#starts.filter(({ at, ends }) => ends < ENDS_MAX && this.#seen - at <= limit);
    const overlong = this.#starts.find(({ at }) => this.#seen - at > limit);
    const keepFrom = living[0]?.at ?? this.#seen;
    this.#starts = living;
    if (keepFrom === 0) return;
    // The bytes of an unfinished frame are kept in one piece until they are known to be none.
    const dropped = this.#pending.take(keepFrom);
    if (overlong !== undefined && !this.#hasFailed) this.#events.overlong(dropped.length);
    else this.#noise.add(dropped, this.#reason());
    for (const one of living) one.at -= keepFrom;
    this.#seen -= keepFrom;
  }

  #reason(): 'checksum' | 'framing' {
    const reason = this.#hasFailed ? 'checksum' : 'framing';
    this.#hasFailed = false;
    return reason;
  }

  #forget(): void {
    this.#starts = [];
    this.#seen = 0;
    this.#hasFailed = false;
  }
}

/** Whether the marker stands at `at` with `tail` bytes behind it; `unknown` while too few bytes are there to say. */
function match(bytes: Buffer, marker: Buffer, at: number, tail: number): 'yes' | 'no' | 'unknown' {
  for (let i = 0; i < marker.length; i++) {
    if (at + i >= bytes.length) return 'unknown';
    if (bytes[at + i] !== marker[i]) return 'no';
  }
  return at + marker.length + tail <= bytes.length ? 'yes' : 'unknown';
}
