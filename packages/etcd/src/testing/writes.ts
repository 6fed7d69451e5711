import type { EtcdClient } from '../client.ts';
import { EtcdError } from '../error.ts';

/** Creates a key while members die, once; answers the revision. */
export async function createKey(client: EtcdClient, key: string, value: string): Promise<number> {
  const txn = { compare: [{ key, createRevision: 0 }], success: [{ put: key, value }] };
  for (;;) {
    try {
      await client.txn(txn, { timeoutMs: 2_000 });
      return (await client.get(key))!.createRevision;
    } catch (error) {
      onlyEtcd(error);
    }
  }
}

/** Faults of etcd are expected, others are not. */
export function onlyEtcd(error: unknown): void {
  if (!(error instanceof EtcdError)) throw error;
}
