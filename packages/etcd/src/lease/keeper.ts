import { setTimeout as delay } from 'node:timers/promises';
import { EtcdError } from '../error.ts';
import type { CallLimits } from '../http/caller.ts';
import { checked, granted, type LeaseClock, renewed } from './clock.ts';
import type { GrantedLease } from './leases.ts';

/** What a keeper needs of the client; see `Leases`. */
export interface LeaseCalls {
  now(): number;
  keepAlive(id: string, limits: CallLimits): Promise<number>;
  revoke(id: string): Promise<void>;
}

const RETRY_MS = 100;

/**
 * Keeps a lease alive and knows when it may no longer be relied on: at a deadline of its own, before etcd can let it
 * expire. For liveness only: every write in the lease's name compares the create revision of its key.
 */
export class LeaseKeeper {
  readonly id: string;
  /** Aborted when the lease ended, by timer or at the first look after the deadline. `reason` is an `EtcdError`. */
  readonly lost: AbortSignal;
  readonly #calls: LeaseCalls;
  readonly #lost = new AbortController();
  #clock: LeaseClock;
  #deadlineTimer: NodeJS.Timeout | undefined;
  #lastError: unknown;

  constructor(calls: LeaseCalls, lease: GrantedLease, marginMs: number) {
    this.id = lease.id;
    this.lost = this.#lost.signal;
    this.#calls = calls;
    this.#clock = granted(lease.sentAtMs, lease.ttlMs, marginMs);
    this.#watchDeadline();
    void this.#keep();
  }

  /** Look right before each deed, not once: the process may have been stopped in between. */
  get held(): boolean {
    this.#set(checked(this.#clock, this.#calls.now()));
    return !this.#clock.ended;
  }

  get remainingMs(): number {
    return this.held ? this.#clock.deadlineMs - this.#calls.now() : 0;
  }

  get ttlMs(): number {
    return this.#clock.ttlMs;
  }

  /** Ends it here; etcd drops it, with its keys, when its TTL is over. */
  abandon(): void {
    this.#set({ ...this.#clock, ended: true });
  }

  /** Ends it here, then in etcd with all its keys. A lease that is gone already is no error. */
  async revoke(): Promise<void> {
    this.abandon();
    await this.#calls.revoke(this.id);
  }

  /** A renewal that is slow is not given up, for all of etcd may be slow: another one is sent beside it, elsewhere. */
  async #keep(): Promise<void> {
    while (this.held) {
      await this.#pause(Math.max(0, this.#clock.renewAtMs - this.#calls.now()));
      if (!this.held) return;
      const renewing = new AbortController();
      await Promise.race([this.#renew(), this.#pause(this.#slowMs, renewing.signal)]);
      renewing.abort();
    }
  }

  get #slowMs(): number {
    return this.#clock.ttlMs / 6;
  }

  async #renew(): Promise<void> {
    const sentAt = this.#calls.now();
    const half = this.#clock.ttlMs / 2;
    try {
      const ttlMs = await this.#calls.keepAlive(this.id, {
        timeoutMs: half,
        attemptTimeoutMs: half,
        slowAfterMs: this.#slowMs,
        signal: this.lost,
      });
      if (ttlMs === 0)
        this.#lastError = new EtcdError('LEASE_NOT_FOUND', 'notApplied', 'etcd no longer has it');
      this.#set(renewed(this.#clock, sentAt, ttlMs, this.#calls.now()));
      this.#watchDeadline();
    } catch (error) {
      this.#lastError = error;
      await this.#pause(RETRY_MS);
    }
  }

  async #pause(ms: number, until?: AbortSignal): Promise<void> {
    const signal = until === undefined ? this.lost : AbortSignal.any([this.lost, until]);
    await delay(ms, undefined, { signal }).catch(() => {});
  }

  #watchDeadline(): void {
    clearTimeout(this.#deadlineTimer);
    if (this.#clock.ended) return;
    const waitMs = Math.max(1, Math.ceil(this.#clock.deadlineMs - this.#calls.now()));
    this.#deadlineTimer = setTimeout(() => this.held && this.#watchDeadline(), waitMs);
  }

  #set(clock: LeaseClock): void {
    this.#clock = clock;
    if (!clock.ended || this.lost.aborted) return;
    clearTimeout(this.#deadlineTimer);
    const cause = this.#lastError;
    this.#lost.abort(
      new EtcdError('LEASE_NOT_FOUND', 'notApplied', `lease ${this.id} is no longer held`, { cause }),
    );
  }
}
