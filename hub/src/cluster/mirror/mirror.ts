import { setTimeout as delay } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import type { EtcdClient, KeyValue, WatchUpdate } from '@edgelog/etcd';
import { describeError, type Logger } from '@edgelog/runtime';
import type { ClusterKeys } from '../keys.ts';
import type { MetadataChanges } from './entries.ts';
import { Metadata, type RawChange } from './metadata.ts';

/** After what only an operator can mend: a lack of permission, members of different clusters. */
const REFUSED_RETRY_MS = 2_000;
/** A watch that breaks again and again is told of so often. */
const TELL_MS = 5_000;
const CAUGHT_UP_TIMEOUT_MS = 30_000;

export interface MirrorOptions {
  readonly etcd: EtcdClient;
  readonly keys: ClusterKeys;
  readonly log: Logger;
  /** Why nothing is known yet, or nothing new: at each break of the watch. */
  readonly onBreak?: (reason: string) => void;
}

/**
 * The metadata as one watch of the prefix tells it. Listeners are called once for each revision that changed something, in order;
 * they look at `metadata`, which has all of that revision and nothing later, and do not wait.
 */
export class MetadataMirror {
  readonly metadata: Metadata;
  readonly #options: MirrorOptions;
  readonly #listeners = new Set<(changes: MetadataChanges) => void>();
  readonly #waiting = new Set<{ revision: number; resolve: () => void }>();
  readonly #stopping = new AbortController();
  readonly #whenStopping = new Set<() => void>();
  /** Revision of each record that was found bad: it is told once. */
  readonly #faults = new Map<string, number>();
  #revision = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #watching: Promise<void> | undefined;

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.metadata = new Metadata((kv, error) => this.#reportFault(kv, error));
  }

  /** All that changed up to here is in `metadata`; 0 before anything was read. */
  get revision(): number {
    return this.#revision;
  }

  /** Resolves when the metadata was read for the first time. */
  async start(): Promise<void> {
    this.#watching ??= this.#watch();
    await this.#until(1);
  }

  onChange(listener: (changes: MetadataChanges) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Resolves when the revision, at which something below the prefix has changed, was applied and all listeners heard of it. Rejects
   * with TIMEOUT when that takes too long.
   */
  async caughtUp(revision: number, timeoutMs = CAUGHT_UP_TIMEOUT_MS): Promise<void> {
    if (this.#revision < revision) await this.#within(timeoutMs, (inTime) => this.#until(revision, inTime));
  }

  /** Resolves with whether the condition came to hold in time; looks after every change. */
  async until(condition: (metadata: Metadata) => boolean, timeoutMs: number): Promise<boolean> {
    const holds = (): boolean => condition(this.metadata);
    await this.#within(timeoutMs, async (inTime) => {
      while (!holds() && !inTime.aborted) {
        await new Promise<void>((resolve) => {
          const unsubscribe = this.onChange(() => holds() && done());
          const done = (): void => {
            unsubscribe();
            inTime.removeEventListener('abort', done);
            resolve();
          };
          inTime.addEventListener('abort', done, { once: true });
        });
      }
    });
    return holds();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const end of [...this.#whenStopping]) end();
    await this.#watching;
  }

  /** Until the time is over or the mirror stops. A timer of its own: `AbortSignal.timeout` lives on when nobody waits any more. */
  async #within(timeoutMs: number, wait: (inTime: AbortSignal) => Promise<void>): Promise<void> {
    const over = new AbortController();
    const end = (): void => over.abort();
    const timer = setTimeout(end, timeoutMs);
    if (this.#stopping.signal.aborted) end();
    this.#whenStopping.add(end);
    try {
      await wait(over.signal);
    } finally {
      clearTimeout(timer);
      this.#whenStopping.delete(end);
    }
  }

  #until(revision: number, signal: AbortSignal = this.#stopping.signal): Promise<void> {
    if (this.#revision >= revision) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(waiting);
        const message = `revision ${revision} of the cluster's metadata has not come, ${this.#revision} is known`;
        reject(new EdgelogError('TIMEOUT', message));
      };
      const waiting = {
        revision,
        resolve: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiting);
    });
  }

  async #watch(): Promise<void> {
    const { etcd, keys, log, onBreak } = this.#options;
    const { signal } = this.#stopping;
    const broke = (error: unknown): void => {
      const reason = describeError(error);
      if (this.#revision > 0 && performance.now() - this.#toldAt >= TELL_MS) {
        this.#toldAt = performance.now();
        log.warn('watch of the cluster metadata broke', { reason });
      }
      onBreak?.(reason);
    };
    while (!signal.aborted) {
      try {
        const updates = etcd.watch({ prefix: keys.prefix }, { signal, onBreak: broke });
        for await (const update of updates) this.#apply(update);
      } catch (error) {
        if (!(error instanceof EdgelogError)) throw error;
        broke(error);
      }
      await delay(REFUSED_RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }

  #apply(update: WatchUpdate): void {
    if (update.kind !== 'progress') {
      const raw = update.kind === 'reset' ? this.#differences(update.kvs) : update.changes.map(this.#raw);
      if (update.kind === 'reset' && update.cause !== 'start')
        this.#options.log.warn('cluster metadata read anew', { cause: update.cause });
      const isRestored = update.kind === 'reset' && update.cause === 'restored';
      const changes = this.metadata.apply(update.revision, raw, isRestored);
      for (const listener of [...this.#listeners]) listener(changes);
    }
    this.#revision = update.revision;
    for (const waiting of this.#waiting) {
      if (waiting.revision > this.#revision) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  #differences(kvs: readonly KeyValue[]): RawChange[] {
    return this.metadata.differences(new Map(kvs.map((kv) => [this.#path(kv.key), kv])));
  }

  readonly #raw = (change: { key: string; kind: string; kv?: KeyValue }): RawChange => ({
    path: this.#path(change.key),
    kv: change.kv,
  });

  #path(key: string): string {
    return key.slice(this.#options.keys.prefix.length);
  }

  #reportFault({ key, modRevision }: KeyValue, { message }: Error): void {
    if (this.#faults.get(key) === modRevision) return;
    this.#faults.set(key, modRevision);
    this.#options.log.error('cluster metadata has a bad record, left out', { key, fault: message });
  }
}
