/** Times in ms of one monotonic clock. */
export interface LeaseClock {
  readonly ttlMs: number;
  readonly marginMs: number;
  /** Nothing may be done in the lease's name from here on. */
  readonly deadlineMs: number;
  /** When to send the next keep-alive. */
  readonly renewAtMs: number;
  /** Once ended, a lease stays ended for its holder, whatever etcd says later. */
  readonly ended: boolean;
}

/** Renewals within a TTL: one may take half of it, or two may fail, before the deadline is in danger. */
const RENEWALS = 4;

/**
 * A lease just granted. `sentAtMs`: before the request was *first* sent. etcd counts from when it handled the request,
 * so what is counted from the sending ends earlier there than here; `marginMs` covers clocks of unequal speed and the
 * time between a look at the deadline and the deed.
 */
export function granted(sentAtMs: number, ttlMs: number, marginMs: number): LeaseClock {
  return {
    ttlMs,
    marginMs,
    deadlineMs: sentAtMs + ttlMs - marginMs,
    renewAtMs: sentAtMs + ttlMs / RENEWALS,
    ended: false,
  };
}

/** A keep-alive sent at `sentAtMs` was answered with `ttlMs`; 0 says that the lease is gone. */
export function renewed(lease: LeaseClock, sentAtMs: number, ttlMs: number, nowMs: number): LeaseClock {
  const current = checked(lease, nowMs);
  if (current.ended) return current;
  if (ttlMs <= 0) return { ...current, ended: true };
  const deadlineMs = Math.max(current.deadlineMs, sentAtMs + ttlMs - lease.marginMs);
  const renewAtMs = Math.max(current.renewAtMs, sentAtMs + ttlMs / RENEWALS);
  return checked({ ...current, ttlMs, deadlineMs, renewAtMs }, nowMs);
}

/** The lease as it stands now: past its deadline it has ended, even if no timer could say so (a stopped process). */
export function checked(lease: LeaseClock, nowMs: number): LeaseClock {
  return lease.ended || nowMs < lease.deadlineMs ? lease : { ...lease, ended: true };
}
