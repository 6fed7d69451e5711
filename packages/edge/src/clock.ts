import type { ClockMode, ClockStatus, RecordClock } from './clock-types.ts';

export interface GatewayClockOptions {
  /** The system's clock, ms since 1970. */
  wallMs: () => number;
  /** Never jumps; ms. */
  monotonicMs: () => number;
  /** The system's clock is right by other means that cannot be seen from here (chrony, GPS, an RTC): trust it always. */
  trustSystem?: boolean;
  /** The system's clock jumped against the monotonic one. */
  onJump?: (byMs: number) => void;
  /** A hub handed out its time; `byMs` is how far it lies ahead of the time in use, if that is trusted and differs too much. */
  onHubCompared?: (byMs: number | undefined) => void;
}

interface Anchor {
  timeMs: number;
  monotonicMs: number;
}

/** No gateway of this version ever ran earlier: a clock that says so was never set. */
export const BUILT_AT_MS = Date.UTC(2026, 8, 1);
/** Nor will one run so much later: such a clock was set wrong. */
const LIFETIME_MS = 30 * 365 * 86_400_000;
/** Slewing moves both clocks alike; what differs by more is a step. */
const JUMP_MS = 1000;
/** A hub and a synchronised system that differ by more, and by more than the way there took, contradict each other. */
const DISAGREE_MS = 5000;
/** What was under way for longer says too little about the time. */
const ROUND_TRIP_MS_MAX = 30_000;

/**
 * The time that records are stamped with. A gateway may have no RTC, so the system's clock is a claim to be confirmed:
 *
 * | mode | time | trusted |
 * |---|---|---|
 * | unconfirmed | system clock where plausible, never behind the floor, which goes on with the monotonic clock | no |
 * | system | system clock: the system says that it is synchronised | yes |
 * | hub | the hub's time at the last welcome, going on with the monotonic clock | yes |
 * | held | as before the system's clock jumped, going on with the monotonic clock until it is confirmed again | yes |
 */
export class GatewayClock implements RecordClock {
  readonly #options: GatewayClockOptions;
  #mode: ClockMode = 'unconfirmed';
  #anchor: Anchor;
  #floor: Anchor;
  /** System clock − monotonic clock at the last look. */
  #skewMs: number;
  #jumps = 0;
  #lastJump: ClockStatus['lastJump'];
  /** What the system's clock said right after the last jump. */
  #jumpedToMs = Number.NEGATIVE_INFINITY;
  #synchronizedAtMs: number | undefined;
  #offsetToHubMs: number | undefined;
  #confirmedAtMonotonicMs: number | undefined;

  constructor(options: GatewayClockOptions) {
    this.#options = options;
    const monotonicMs = options.monotonicMs();
    this.#skewMs = options.wallMs() - monotonicMs;
    this.#floor = { timeMs: BUILT_AT_MS, monotonicMs };
    this.#anchor = this.#floor;
    if (options.trustSystem === true) this.#mode = 'system';
  }

  get isTrusted(): boolean {
    return this.#mode !== 'unconfirmed';
  }

  /** ms since 1970, whole. Goes back only where a confirmation contradicts what went before it. */
  now(): number {
    const monotonicMs = this.#options.monotonicMs();
    const wallMs = this.#options.wallMs();
    const skewMs = wallMs - monotonicMs;
    if (Math.abs(skewMs - this.#skewMs) > JUMP_MS) this.#jumped(skewMs, monotonicMs);
    this.#skewMs = skewMs;
    switch (this.#mode) {
      case 'system':
        return Math.floor(wallMs);
      case 'unconfirmed':
        return Math.floor(this.#unconfirmed(wallMs, monotonicMs));
      default:
        return Math.floor(at(this.#anchor, monotonicMs));
    }
  }

  /** A log holds records of this time: no earlier time is given as long as none is confirmed. */
  raiseFloor(timeMs: number): void {
    const monotonicMs = this.#options.monotonicMs();
    if (timeMs > at(this.#floor, monotonicMs)) this.#floor = { timeMs, monotonicMs };
  }

  /** A hub handed out its time. */
  onHubTime(hubMs: number, roundTripMs: number): void {
    if (roundTripMs > ROUND_TRIP_MS_MAX || !isPlausible(hubMs)) return;
    const now = this.now();
    const timeMs = hubMs + roundTripMs / 2;
    const aheadMs = Math.round(timeMs - now);
    this.#offsetToHubMs = Math.round(timeMs - this.#options.wallMs());
    this.#confirmedAtMonotonicMs = this.#options.monotonicMs();
    if (this.#mode === 'system') {
      const differs = Math.abs(aheadMs) > DISAGREE_MS + roundTripMs;
      this.#options.onHubCompared?.(differs ? aheadMs : undefined);
      return;
    }
    this.#anchor = { timeMs, monotonicMs: this.#options.monotonicMs() };
    this.#mode = 'hub';
    this.#options.onHubCompared?.(undefined);
  }

  /** When the system last had its clock synchronised, by that clock, as far as it tells. */
  onSystemSynchronized(atMs: number): void {
    if (atMs === this.#synchronizedAtMs) return;
    this.now();
    const wallMs = this.#options.wallMs();
    // What was noted before a jump says nothing about the clock behind it.
    if (!isPlausible(wallMs) || atMs < this.#jumpedToMs || atMs > wallMs + JUMP_MS) return;
    this.#synchronizedAtMs = atMs;
    this.#confirmedAtMonotonicMs = this.#options.monotonicMs();
    this.#mode = 'system';
  }

  status(): ClockStatus {
    return {
      time: new Date(this.now()).toISOString(),
      trusted: this.isTrusted,
      source: this.#mode,
      system: new Date(this.#options.wallMs()).toISOString(),
      confirmedAgoMs:
        this.#confirmedAtMonotonicMs === undefined
          ? null
          : Math.round(this.#options.monotonicMs() - this.#confirmedAtMonotonicMs),
      offsetToHubMs: this.#offsetToHubMs ?? null,
      jumps: this.#jumps,
      lastJump: this.#lastJump,
    };
  }

  #unconfirmed(wallMs: number, monotonicMs: number): number {
    const floorMs = at(this.#floor, monotonicMs);
    if (wallMs < floorMs || !isPlausible(wallMs)) return floorMs;
    this.#floor.timeMs = wallMs;
    this.#floor.monotonicMs = monotonicMs;
    return wallMs;
  }

  #jumped(skewMs: number, monotonicMs: number): void {
    const byMs = Math.round(skewMs - this.#skewMs);
    this.#jumps++;
    this.#jumpedToMs = monotonicMs + skewMs;
    if (this.#mode === 'system' && this.#options.trustSystem !== true) {
      this.#anchor = { timeMs: monotonicMs + this.#skewMs, monotonicMs };
      this.#mode = 'held';
    }
    this.#skewMs = skewMs;
    this.#lastJump = { byMs, time: new Date(this.now()).toISOString() };
    this.#options.onJump?.(byMs);
  }
}

function at({ timeMs, monotonicMs }: Anchor, nowMonotonicMs: number): number {
  return timeMs + (nowMonotonicMs - monotonicMs);
}

function isPlausible(timeMs: number): boolean {
  return timeMs >= BUILT_AT_MS && timeMs < BUILT_AT_MS + LIFETIME_MS;
}
