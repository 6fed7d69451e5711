import { EdgelogError } from '@edgelog/base';
import { type EtcdClient, EtcdError, type OperationResult, type Txn } from '@edgelog/etcd';
import type { BrokerSession } from './session.ts';

/** What became of a write. */
export type WriteOutcome =
  | { readonly kind: 'done'; readonly revision: number }
  /** A comparison failed; what the failure operations read. */
  | { readonly kind: 'conflict'; readonly results: readonly OperationResult[] }
  /** Nothing was changed: etcd could not be asked, or this broker is not registered. */
  | { readonly kind: 'failed'; readonly error: EdgelogError }
  /** It may have been done, or may yet be: read again before acting. */
  | { readonly kind: 'unknown'; readonly error: EdgelogError };

/** Writes in the name of this broker's registration: each compares it, so that none of a broker taken for dead can come late. */
export class GuardedWrites {
  readonly #etcd: EtcdClient;
  readonly #session: BrokerSession;
  readonly #timeoutMs: number;

  constructor(etcd: EtcdClient, session: BrokerSession, timeoutMs: number) {
    this.#etcd = etcd;
    this.#session = session;
    this.#timeoutMs = timeoutMs;
  }

  /** Nothing will ever be written again. */
  get isEnded(): boolean {
    return this.#session.isStopping;
  }

  /** Sent once. At most 127 comparisons and 128 operations. */
  async txn({ compare = [], success, failure }: Txn): Promise<WriteOutcome> {
    const { guard } = this.#session;
    if (guard === undefined) {
      const reason = this.#session.trouble ?? 'not registered in the cluster';
      return { kind: 'failed', error: new EdgelogError('CONNECTION_LOST', reason) };
    }
    try {
      const txn = { compare: [guard, ...compare], ...(success && { success }), ...(failure && { failure }) };
      const { succeeded, revision, results } = await this.#etcd.txn(txn, { timeoutMs: this.#timeoutMs });
      return succeeded ? { kind: 'done', revision } : { kind: 'conflict', results };
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      return { kind: error.outcome === 'unknown' ? 'unknown' : 'failed', error };
    }
  }
}
