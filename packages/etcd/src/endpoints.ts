import { assert, type BackoffLimits, backoffMs } from '@edgelog/base';

interface EndpointState {
  readonly url: URL;
  /** Failures since the last success. */
  failures: number;
  failedAt: number;
  retryAt: number;
}

/**
 * Which member to ask. Stays with one while it answers; a failure moves on to the next and leaves the failed one alone
 * for a while that doubles. Pure: times and randomness come from the caller.
 */
export class Endpoints {
  readonly #states: readonly EndpointState[];
  readonly #backoff: BackoffLimits;
  readonly #random: () => number;
  #current: number;

  /** `random` in [0, 1) also picks where to begin, so that many clients spread over the members. */
  constructor(urls: readonly URL[], backoff: BackoffLimits, random: () => number) {
    assert(urls.length > 0, 'an etcd client has at least one endpoint');
    this.#states = urls.map((url) => ({ url, failures: 0, failedAt: Number.NEGATIVE_INFINITY, retryAt: 0 }));
    this.#backoff = backoff;
    this.#random = random;
    this.#current = Math.floor(random() * urls.length);
  }

  /** The member to ask, and for how long to wait before (0 unless all of them failed a moment ago). */
  pick(now: number): { url: URL; waitMs: number } {
    const inTurn = this.#states.map((_, step) => (this.#current + step) % this.#states.length);
    const ready = inTurn.find((index) => this.#states[index]!.retryAt <= now);
    const earliest = inTurn.reduce((a, b) => (this.#states[b]!.retryAt < this.#states[a]!.retryAt ? b : a));
    this.#current = ready ?? earliest;
    const { url, retryAt } = this.#states[this.#current]!;
    return { url, waitMs: Math.max(0, retryAt - now) };
  }

  /** One of many calls that failed for the same cause: only those begun after the last failure count again. */
  failed(url: URL, startedAt: number, now: number): void {
    const state = this.#state(url);
    if (startedAt < state.failedAt) return;
    state.retryAt = now + backoffMs(state.failures, this.#backoff, this.#random());
    state.failures += 1;
    state.failedAt = now;
  }

  /** A success that was begun before the last failure says nothing about now. */
  succeeded(url: URL, startedAt: number): void {
    const state = this.#state(url);
    if (startedAt < state.failedAt) return;
    state.failures = 0;
    state.retryAt = 0;
  }

  #state(url: URL): EndpointState {
    const state = this.#states.find((candidate) => candidate.url === url);
    assert(state !== undefined, `${url} is one of this client's endpoints`);
    return state;
  }
}
