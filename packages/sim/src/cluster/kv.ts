import type { Prng } from '../prng.ts';
import type { Scheduler } from '../scheduler.ts';

/** One key as etcd keeps it. */
export interface Entry {
  readonly key: string;
  readonly value: unknown;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly lease: number | undefined;
}

export interface Txn {
  /** All must hold; a revision of 0 means that there is no such key. */
  readonly when: readonly { key: string; created?: number; modified?: number }[];
  readonly put?: readonly { key: string; value: unknown; lease?: number }[];
  readonly remove?: readonly string[];
}

export type TxnAnswer = { kind: 'done'; revision: number } | { kind: 'failed' } | { kind: 'unknown' };

export interface KvEvent {
  readonly key: string;
  /** Undefined when the key is gone. */
  readonly entry: Entry | undefined;
  readonly revision: number;
}

/** Who asks; cut off ones get no answer. */
export interface KvClient {
  readonly reaches: () => boolean;
}

const CALL_TIMEOUT_MS = 2_000;

/** etcd as its users see it: one linear history, leases, watches that miss nothing, calls that may be lost either way. */
export class SimKv {
  readonly #scheduler: Scheduler;
  readonly #prng: Prng;
  readonly #delayMsMax: number;
  readonly #entries = new Map<string, Entry>();
  readonly #leases = new Map<number, { ttlMs: number; expiresAt: number }>();
  readonly #history: KvEvent[] = [];
  #revision = 1;
  #nextLease = 1;
  /** Without a quorum nothing is answered and no lease expires. */
  quorum = true;

  constructor(scheduler: Scheduler, prng: Prng, delayMsMax: number) {
    this.#scheduler = scheduler;
    this.#prng = prng;
    this.#delayMsMax = delayMsMax;
    this.#expire();
  }

  /** A view from the side, of the test itself. */
  peek(prefix: string): Entry[] {
    return [...this.#entries.values()].filter(({ key }) => key.startsWith(prefix));
  }

  grant(client: KvClient, ttlMs: number, answer: (lease: number | undefined) => void): void {
    this.#call(
      client,
      () => {
        const lease = this.#nextLease++;
        this.#leases.set(lease, { ttlMs, expiresAt: this.#scheduler.now() + ttlMs });
        return lease;
      },
      answer,
    );
  }

  /** Answers false for a lease that is gone, undefined for no answer. */
  keepAlive(client: KvClient, lease: number, answer: (alive: boolean | undefined) => void): void {
    this.#call(
      client,
      () => {
        const found = this.#leases.get(lease);
        if (found) found.expiresAt = this.#scheduler.now() + found.ttlMs;
        return found !== undefined;
      },
      answer,
    );
  }

  range(
    client: KvClient,
    answer: (snapshot: { entries: Entry[]; revision: number } | undefined) => void,
  ): void {
    this.#call(client, () => ({ entries: [...this.#entries.values()], revision: this.#revision }), answer);
  }

  txn(client: KvClient, txn: Txn, answer: (answer: TxnAnswer) => void): void {
    this.#call<TxnAnswer>(
      client,
      () => this.#apply(txn),
      (result) => answer(result ?? { kind: 'unknown' }),
    );
  }

  /** Events after a revision, once some are there; undefined when nothing came in time or the way is cut. */
  watch(client: KvClient, after: number, answer: (events: readonly KvEvent[] | undefined) => void): void {
    const poll = (): void => {
      const events = this.#history.filter(({ revision }) => revision > after);
      if (!this.quorum || !client.reaches() || events.length === 0) {
        this.#scheduler.after(this.#prng.between(1, 50), poll);
        return;
      }
      this.#scheduler.after(this.#delay(), () => answer(client.reaches() ? events : undefined));
    };
    this.#scheduler.after(this.#delay(), poll);
  }

  #call<T>(client: KvClient, work: () => T, answer: (result: T | undefined) => void): void {
    let isAnswered = false;
    const give = (result: T | undefined): void => {
      if (isAnswered) return;
      isAnswered = true;
      answer(result);
    };
    this.#scheduler.after(CALL_TIMEOUT_MS, () => give(undefined));
    this.#scheduler.after(this.#delay(), () => {
      if (!client.reaches() || !this.quorum) return;
      const result = work();
      this.#scheduler.after(this.#delay(), () => {
        if (client.reaches() && this.quorum) give(result);
      });
    });
  }

  #apply({ when, put = [], remove = [] }: Txn): TxnAnswer {
    for (const { key, created, modified } of when) {
      const entry = this.#entries.get(key);
      if (created !== undefined && (entry?.createRevision ?? 0) !== created) return { kind: 'failed' };
      if (modified !== undefined && (entry?.modRevision ?? 0) !== modified) return { kind: 'failed' };
    }
    if (put.some(({ lease }) => lease !== undefined && !this.#leases.has(lease))) return { kind: 'failed' };
    this.#revision++;
    for (const key of remove) this.#delete(key);
    for (const { key, value, lease } of put) {
      const entry: Entry = {
        key,
        value: structuredClone(value),
        createRevision: this.#entries.get(key)?.createRevision ?? this.#revision,
        modRevision: this.#revision,
        lease,
      };
      this.#entries.set(key, entry);
      this.#history.push({ key, entry, revision: this.#revision });
    }
    return { kind: 'done', revision: this.#revision };
  }

  #delete(key: string): void {
    if (!this.#entries.delete(key)) return;
    this.#history.push({ key, entry: undefined, revision: this.#revision });
  }

  #expire(): void {
    this.#scheduler.after(100, () => {
      if (this.quorum) this.#expireDue(this.#scheduler.now());
      // A new etcd leader gives every lease its whole time again.
      else for (const lease of this.#leases.values()) lease.expiresAt = this.#scheduler.now() + lease.ttlMs;
      this.#expire();
    });
  }

  #expireDue(now: number): void {
    for (const [id, { expiresAt }] of this.#leases) {
      if (expiresAt > now) continue;
      this.#leases.delete(id);
      this.#revision++;
      for (const { key, lease } of [...this.#entries.values()]) if (lease === id) this.#delete(key);
    }
  }

  #delay(): number {
    return this.#prng.between(0, this.#delayMsMax);
  }
}
