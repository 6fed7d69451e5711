import { EdgelogError } from '@edgelog/base';
import { alarmCall, anyAnswer, type KeyValue, rangeCall, statusCall, txnCall } from './answers.ts';
import { Endpoints } from './endpoints.ts';
import { EtcdError } from './error.ts';
import { type CallEnd, Caller, type CallLimits } from './http/caller.ts';
import { Exchange, type TlsOptions } from './http/exchange.ts';
import { type Credentials, Login } from './http/login.ts';
import { type KeyRange, rangeAfter, rangeFields } from './keys.ts';
import { LeaseKeeper } from './lease/keeper.ts';
import { type GrantedLease, type LeaseStatus, Leases } from './lease/leases.ts';
import { type MemberStatus, memberStatus } from './status.ts';
import { type Txn, type TxnResult, txnRequest, txnResult } from './txn.ts';
import type { WatchUpdate } from './watch/cursor.ts';
import { type WatchOptions, watch } from './watch/watch.ts';

export interface EtcdOptions {
  /** `http://HOST:PORT` or `https://…` of each member. */
  readonly endpoints: readonly string[];
  readonly tls?: TlsOptions;
  readonly credentials?: Credentials;
  readonly tuning?: Partial<EtcdTuning>;
}

/** Milliseconds, except `pageKeys`. */
export interface EtcdTuning {
  /** Of a call as a whole, where the call says nothing else. */
  readonly timeoutMs: number;
  /** Of one attempt of a call that may be repeated: so soon a stopped member is given up. */
  readonly attemptTimeoutMs: number;
  /** A silent watch asks its member whether it is alive. */
  readonly watchIdleMs: number;
  /** A member that failed is left alone for so long at first, and at most. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Keys of one answer when a whole range is read. */
  readonly pageKeys: number;
}

const TUNING: EtcdTuning = {
  timeoutMs: 5_000,
  attemptTimeoutMs: 1_500,
  watchIdleMs: 2_000,
  backoffMinMs: 50,
  backoffMaxMs: 1_000,
  pageKeys: 500,
};

/** `timeoutMs`: of the call with all its attempts. */
export type CallOptions = Pick<CallLimits, 'timeoutMs' | 'signal'>;

export interface RangeOptions extends CallOptions {
  /** Answered by one member from what it knows, which may be old; works without quorum. */
  readonly serializable?: boolean;
  /** As it was at this revision (COMPACTED, FUTURE_REVISION). */
  readonly revision?: number;
  readonly keysOnly?: boolean;
}

export interface RangeResult {
  /** The revision that the whole range was read at. */
  readonly revision: number;
  /** By key, in the order of its bytes. */
  readonly kvs: readonly KeyValue[];
}

export interface LeaseOptions extends CallOptions {
  /** etcd rounds up to 1.5 election time-outs. */
  readonly ttlSeconds: number;
  /** How much earlier than etcd the holder gives up; default a sixth of the TTL. */
  readonly marginMs?: number;
  /** Any key that the user may read, there or not. Renewals are confirmed by reading it. */
  readonly readableKey?: string;
}

/** Between two pages the revision was compacted, or a member that has not got so far was asked. */
const OVERTAKEN: ReadonlySet<string> = new Set(['COMPACTED', 'FUTURE_REVISION']);

/**
 * An etcd cluster over its JSON gateway (3.4 and later). Reads are linearizable unless asked otherwise. Failures are
 * `EtcdError`s whose `outcome` says whether a write may have happened. Keys are UTF-8.
 */
export class EtcdClient {
  readonly #tuning: EtcdTuning;
  readonly #exchange: Exchange;
  readonly #urls: readonly URL[];
  readonly #caller: Caller;
  readonly #leases: Leases;

  constructor(options: EtcdOptions) {
    this.#tuning = { ...TUNING, ...options.tuning };
    this.#exchange = new Exchange(options.tls ?? {});
    this.#urls = options.endpoints.map(parseEndpoint);
    const backoff = { minMs: this.#tuning.backoffMinMs, maxMs: this.#tuning.backoffMaxMs };
    const endpoints = new Endpoints(this.#urls, backoff, Math.random);
    this.#caller = new Caller({
      exchange: this.#exchange,
      endpoints,
      login: new Login(options.credentials),
      now: monotonicMs,
      timeoutMs: this.#tuning.timeoutMs,
      attemptTimeoutMs: this.#tuning.attemptTimeoutMs,
    });
    this.#leases = new Leases(this.#caller);
  }

  /** Hears of every attempt at a member that ended, but for watches: for metrics. It must not throw. */
  onCall(listener: (call: CallEnd) => void): void {
    this.#caller.onCall(listener);
  }

  /** The whole range at one revision, however many keys it has. */
  async range(range: KeyRange, options: RangeOptions = {}): Promise<RangeResult> {
    const deadline = monotonicMs() + (options.timeoutMs ?? this.#tuning.timeoutMs);
    for (;;) {
      try {
        return await this.#pages(range, options, deadline);
      } catch (error) {
        const mayRepeat = options.revision === undefined && monotonicMs() < deadline;
        if (!(error instanceof EtcdError && OVERTAKEN.has(error.reason) && mayRepeat)) throw error;
      }
    }
  }

  /** One key, or undefined. */
  async get(key: string, options: RangeOptions = {}): Promise<KeyValue | undefined> {
    return (await this.range({ key }, options)).kvs[0];
  }

  /**
   * Does all of it or nothing, atomically. Sent once: when its answer is lost, the error's `outcome` is `unknown` and the
   * caller reads again before it acts.
   */
  async txn(txn: Txn, options: CallOptions = {}): Promise<TxnResult> {
    const call = { path: 'kv/txn', body: txnRequest(txn), answer: txnCall, effect: 'once' } as const;
    return txnResult(await this.#caller.call({ ...call, ...limitsOf(options) }));
  }

  /** Puts one key whatever it held. Answers the revision. */
  async put(
    key: string,
    value: string | Buffer,
    options: CallOptions & { lease?: string } = {},
  ): Promise<number> {
    const { lease, ...rest } = options;
    const put = { put: key, value, ...(lease !== undefined && { lease }) };
    return (await this.txn({ success: [put] }, rest)).revision;
  }

  /** Deletes a range. Answers how many keys there were. */
  async delete(range: KeyRange, options: CallOptions = {}): Promise<number> {
    const { results } = await this.txn({ success: [{ delete: range }] }, options);
    return results[0]?.kind === 'delete' ? results[0].deleted : 0;
  }

  /** Forgets what was overwritten before `revision`. */
  async compact(revision: number, options: CallOptions = {}): Promise<void> {
    try {
      const body = { revision: String(revision) };
      const call = { path: 'kv/compaction', body, answer: anyAnswer, effect: 'idempotent' } as const;
      await this.#caller.call({ ...call, ...limitsOf(options) });
    } catch (error) {
      if (!(error instanceof EtcdError && error.reason === 'COMPACTED')) throw error;
    }
  }

  /** Changes of a range, each exactly once and in order, for as long as they are iterated; see `WatchUpdate`. */
  watch(range: KeyRange, options: WatchOptions = {}): AsyncGenerator<WatchUpdate, void, void> {
    const list = (wanted: KeyRange, signal: AbortSignal | undefined): Promise<RangeResult> =>
      this.range(wanted, signal && { signal });
    return watch({ caller: this.#caller, idleMs: this.#tuning.watchIdleMs, list }, range, options);
  }

  /** A lease that is kept alive until it is revoked, abandoned or lost. */
  async lease(options: LeaseOptions): Promise<LeaseKeeper> {
    const { ttlSeconds, readableKey = '/' } = options;
    const lease = await this.grantLease(ttlSeconds, options);
    const calls = {
      now: monotonicMs,
      keepAlive: (id: string, limits: CallLimits) => this.#leases.keepAlive(id, readableKey, limits),
      revoke: (id: string) => this.revokeLease(id),
    };
    return new LeaseKeeper(calls, lease, options.marginMs ?? lease.ttlMs / 6);
  }

  /** A lease that nobody keeps alive. */
  grantLease(ttlSeconds: number, options: CallOptions = {}): Promise<GrantedLease> {
    return this.#leases.grant(ttlSeconds, limitsOf(options));
  }

  /** Ends a lease and deletes its keys; one that is gone already is no error. */
  revokeLease(id: string, options: CallOptions = {}): Promise<void> {
    return this.#leases.revoke(id, limitsOf(options));
  }

  leaseStatus(id: string, options: CallOptions = {}): Promise<LeaseStatus> {
    return this.#leases.status(id, limitsOf(options));
  }

  /** Every endpoint's own account, or why there is none; works without quorum. */
  async status(
    options: CallOptions = {},
  ): Promise<(MemberStatus | { endpoint: string; error: EtcdError })[]> {
    return Promise.all(
      this.#urls.map(async (url) => {
        const endpoint = url.origin;
        try {
          const call = { path: 'maintenance/status', body: {}, answer: statusCall, effect: 'none' } as const;
          const limits = { ...limitsOf(options), serializable: true };
          return memberStatus(endpoint, await this.#caller.callAt(url, { ...call, ...limits }));
        } catch (error) {
          if (error instanceof EtcdError) return { endpoint, error };
          throw error;
        }
      }),
    );
  }

  /** Alarms that are on. NOSPACE: no writes until there is room (compact, defragment) and the alarm is disarmed. */
  async alarms(options: CallOptions = {}): Promise<{ memberId: string; alarm: 'NOSPACE' | 'CORRUPT' }[]> {
    const call = { path: 'maintenance/alarm', body: {}, answer: alarmCall, effect: 'none' } as const;
    const { alarms } = await this.#caller.call({ ...call, ...limitsOf(options) });
    return alarms.flatMap(({ memberID, alarm }) => (alarm === 'NONE' ? [] : [{ memberId: memberID, alarm }]));
  }

  /** Calls under way and later ones fail, watches end, leases are lost at their deadlines. */
  close(): void {
    this.#exchange.close();
  }

  async #pages(range: KeyRange, options: RangeOptions, deadline: number): Promise<RangeResult> {
    const kvs: KeyValue[] = [];
    let revision = options.revision;
    let fields = rangeFields(range);
    for (;;) {
      const body = {
        ...fields,
        limit: String(this.#tuning.pageKeys),
        revision: revision && String(revision),
        keys_only: options.keysOnly,
        serializable: options.serializable,
      };
      const call = { path: 'kv/range', body, answer: rangeCall, effect: 'none' } as const;
      const timeoutMs = Math.max(1, deadline - monotonicMs());
      const { serializable, signal } = options;
      const answer = await this.#caller.call({ ...call, timeoutMs, serializable, signal });
      revision ??= answer.header.revision;
      for (const kv of answer.kvs) kvs.push(kv);
      if (!answer.more) return { revision, kvs };
      fields = rangeAfter(range, kvs.at(-1)!.key);
    }
  }
}

function limitsOf({ timeoutMs, signal }: CallOptions): CallLimits {
  return { timeoutMs, signal };
}

/** Monotonic ms; goes on while the process is stopped. */
function monotonicMs(): number {
  return performance.now();
}

function parseEndpoint(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== '/') {
    const wanted = 'http://HOST:PORT or https://HOST:PORT';
    throw new EdgelogError('CONFIG_INVALID', `an endpoint of etcd is ${wanted}, not "${text}"`);
  }
  return url;
}
