import { decodeFrame, encodeFrame, type Frame } from '@edgelog/sync';
import type { Prng } from './prng.ts';
import type { Scheduler } from './scheduler.ts';

export interface NetworkOptions {
  /** One-way delay of a frame is drawn from nothing to this. */
  delayMsMax: number;
  /** How long an end may go on without noticing that the connection is gone: a half-open connection. */
  noticeMsMax: number;
}

/** What one end of a connection hears. */
export interface End {
  receive(frame: Frame): void;
  disconnected(): void;
}

export type Side = 'agent' | 'hub';

/**
 * One connection: each direction keeps its order and has delays of its own. It breaks as TCP does: what is on its way
 * is lost, and each end notices in its own time. A direction that is cut swallows everything until then.
 */
export class Wire {
  readonly #scheduler: Scheduler;
  readonly #prng: Prng;
  readonly #options: NetworkOptions;
  readonly #ends: Record<Side, End | undefined> = { agent: undefined, hub: undefined };
  /** When the last frame towards a side arrives. */
  readonly #arrival: Record<Side, number> = { agent: 0, hub: 0 };
  readonly #cut: Record<Side, boolean> = { agent: false, hub: false };
  #broken = false;

  constructor(scheduler: Scheduler, prng: Prng, options: NetworkOptions) {
    this.#scheduler = scheduler;
    this.#prng = prng;
    this.#options = options;
  }

  get broken(): boolean {
    return this.#broken;
  }

  attach(side: Side, end: End): void {
    this.#ends[side] = end;
  }

  /** Sends through the real codec, so that frames share no memory with their sender. */
  send(to: Side, frame: Frame): void {
    if (this.#broken || this.#cut[to]) return;
    const bytes = encodeFrame(frame);
    const at = Math.max(
      this.#arrival[to],
      this.#scheduler.now() + this.#prng.between(0, this.#options.delayMsMax),
    );
    this.#arrival[to] = at;
    this.#scheduler.after(at - this.#scheduler.now(), () => {
      if (!this.#broken && !this.#cut[to]) this.#ends[to]?.receive(decodeFrame(bytes));
    });
  }

  /** `first` closed its end or died; the other hears of it later. */
  break(first?: Side): void {
    if (this.#broken) return;
    this.#broken = true;
    for (const side of ['agent', 'hub'] as const) {
      const end = this.#ends[side];
      const delay = side === first ? 0 : this.#prng.between(0, this.#options.noticeMsMax);
      this.#scheduler.after(delay, () => end?.disconnected());
    }
  }

  /** Nothing reaches `side` any more; heartbeats find out after a while and break the connection. */
  cutTowards(side: Side, heartbeatMs: number): void {
    this.#cut[side] = true;
    this.#scheduler.after(heartbeatMs, () => this.break(side));
  }
}
