import { type BackoffLimits, backoffMs } from '@edgelog/base';
import { isTurnedAway } from '../refusal.ts';
import type { KafkaSecurity } from '../security.ts';

const RECONNECT: BackoffLimits = { minMs: 50, maxMs: 1_000 };
/** Credentials that were refused, and TLS where there is none, are not right a moment later, and brokers count the attempts. */
const TURNED_AWAY: BackoffLimits = { minMs: 60_000, maxMs: 60_000 };

/** When the next attempt to connect to one broker may be made: soon after a loss, up to a minute after somebody must mend it. */
export class ConnectPace {
  #failures = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #last: Error | undefined;

  /** Why not now; undefined when an attempt may be made. */
  get obstacle(): Error | undefined {
    return performance.now() < this.#notBeforeMs ? this.#last : undefined;
  }

  /** Whether what was tried last failed. */
  get isFailing(): boolean {
    return this.#last !== undefined;
  }

  /** Answers whether the attempt before failed. */
  succeeded(): boolean {
    const isNews = this.#last !== undefined;
    this.#failures = 0;
    this.#last = undefined;
    return isNews;
  }

  /** Answers whether it is something else than before. */
  failed(error: Error): boolean {
    const isNews = this.#last?.message !== error.message;
    this.#last = error;
    this.#notBeforeMs =
      performance.now() +
      backoffMs(this.#failures, isTurnedAway(error) ? TURNED_AWAY : RECONNECT, Math.random());
    this.#failures += 1;
    return isNews;
  }
}

/** The pace of each broker, by its address. */
export class ConnectPaces {
  readonly #byAddress = new Map<string, ConnectPace>();

  of(at: string): ConnectPace {
    let pace = this.#byAddress.get(at);
    if (pace === undefined) {
      pace = new ConnectPace();
      this.#byAddress.set(at, pace);
    }
    return pace;
  }
}

const shared = new WeakMap<KafkaSecurity, ConnectPaces>();

/** Clients that show the same credentials keep one pace, so that one which is opened again and again does not show wrong ones in a loop. */
export function pacesFor(security: KafkaSecurity | undefined): ConnectPaces {
  if (security === undefined) return new ConnectPaces();
  let paces = shared.get(security);
  if (paces === undefined) {
    paces = new ConnectPaces();
    shared.set(security, paces);
  }
  return paces;
}
