import { randomBytes } from 'node:crypto';
import { anyAnswer, keepAliveCall, leaseGrantCall, timeToLiveCall } from '../answers.ts';
import { EtcdError } from '../error.ts';
import type { Caller, CallLimits } from '../http/caller.ts';
import { rangeFields } from '../keys.ts';

export interface GrantedLease {
  readonly id: string;
  /** At least what was asked for. */
  readonly ttlMs: number;
  /** Monotonic ms before the grant was first sent. */
  readonly sentAtMs: number;
}

export interface LeaseStatus {
  /** What is left; 0 when the lease is gone. */
  readonly ttlMs: number;
  readonly grantedTtlMs: number;
  readonly keys: readonly string[];
}

/** etcd's calls about leases. All of them may be repeated. */
export class Leases {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** The id is drawn here, so a grant whose answer was lost can be sent again: that it exists then is the answer. */
  async grant(ttlSeconds: number, limits: CallLimits): Promise<GrantedLease> {
    const id = randomLeaseId();
    const sentAtMs = this.#caller.now();
    const body = { ID: id, TTL: String(ttlSeconds) };
    try {
      const call = { path: 'lease/grant', body, answer: leaseGrantCall, effect: 'idempotent' } as const;
      const { TTL } = await this.#caller.call({ ...call, ...limits });
      return { id, ttlMs: TTL * 1000, sentAtMs };
    } catch (error) {
      if (!(error instanceof EtcdError && error.reason === 'LEASE_EXISTS')) throw error;
      const { grantedTtlMs } = await this.status(id, limits);
      return { id, ttlMs: grantedTtlMs, sentAtMs };
    }
  }

  /**
   * TTL in ms from now on, or 0 when the lease is gone.
   *
   * A member that was stopped and still takes itself for the leader renews leases that its successor counts down, and
   * before 3.4.28 and 3.5.10 says that all is well (etcd issue 15247). So a linearizable read follows: if it is
   * answered in the raft term of the renewal, no successor had been elected by then. `readableKey` is what it reads.
   */
  async keepAlive(id: string, readableKey: string, limits: CallLimits): Promise<number> {
    const deadline = this.#caller.now() + (limits.timeoutMs ?? Number.POSITIVE_INFINITY);
    const renewal = {
      path: 'lease/keepalive',
      body: { ID: id },
      answer: keepAliveCall,
      effect: 'idempotent',
    } as const;
    const { TTL, header } = await this.#caller.call({ ...renewal, ...limits });
    if (TTL === 0) return 0;
    const body = { ...rangeFields({ key: readableKey }), keys_only: true };
    const read = { path: 'kv/range', body, answer: anyAnswer, effect: 'none' } as const;
    const timeoutMs = Math.max(1, deadline - this.#caller.now());
    const seen = await this.#caller.call({ ...read, ...limits, timeoutMs });
    if (seen.header.raft_term !== header.raft_term)
      throw new EtcdError('UNAVAILABLE', 'unknown', `etcd elected a leader while lease ${id} was renewed`);
    return TTL * 1000;
  }

  /** Deletes its keys too. A lease that is gone already is no error. */
  async revoke(id: string, limits: CallLimits): Promise<void> {
    try {
      const call = {
        path: 'lease/revoke',
        body: { ID: id },
        answer: anyAnswer,
        effect: 'idempotent',
      } as const;
      await this.#caller.call({ ...call, ...limits });
    } catch (error) {
      if (!(error instanceof EtcdError && error.reason === 'LEASE_NOT_FOUND')) throw error;
    }
  }

  async status(id: string, limits: CallLimits): Promise<LeaseStatus> {
    const body = { ID: id, keys: true };
    const call = { path: 'lease/timetolive', body, answer: timeToLiveCall, effect: 'none' } as const;
    const { TTL, grantedTTL, keys } = await this.#caller.call({ ...call, ...limits });
    return { ttlMs: Math.max(0, TTL) * 1000, grantedTtlMs: grantedTTL * 1000, keys };
  }
}

/** Positive 63-bit number. */
function randomLeaseId(): string {
  return String((randomBytes(8).readBigUInt64BE() >> 1n) | 1n);
}
