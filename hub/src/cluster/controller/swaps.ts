import type { PartitionRecord } from '@edgelog/cluster';
import type { Comparison, OperationResult } from '@edgelog/etcd';
import type { ClusterKeys } from '../keys.ts';
import type { PartitionEntry } from '../mirror/entries.ts';
import type { MetadataMirror } from '../mirror/mirror.ts';
import type { GuardedWrites } from '../writes.ts';

/** Operations of one transaction: etcd takes 128, and comparisons come on top. */
export const SWAPS_PER_TXN = 100;
/** More are hardly faster, and hold up what keeps the leases. */
const TXNS_IN_FLIGHT = 2;

export interface Swap {
  readonly entry: PartitionEntry;
  readonly next: PartitionRecord;
}

export interface SwapDeps {
  readonly keys: ClusterKeys;
  readonly mirror: MetadataMirror;
  readonly writes: GuardedWrites;
}

/**
 * Swaps partition records, many in each transaction, each compared with the revision that it was derived from; `term` must hold
 * too. Swaps may still be computed while the first are sent. Resolves, once the mirror has what was done, with those that were
 * not: they are to be derived anew.
 */
export async function swapAll(
  deps: SwapDeps,
  term: Comparison,
  swaps: Iterable<Swap> | AsyncIterable<Swap>,
): Promise<Swap[]> {
  const left: Swap[] = [];
  const inFlight = new Set<Promise<void>>();
  let batch: Swap[] = [];
  let revision = 0;
  const send = async (): Promise<void> => {
    const sent = batch;
    batch = [];
    const run = swapBatch(deps, term, sent).then((outcome) => {
      if (!outcome.done) left.push(...sent);
      revision = Math.max(revision, outcome.revision);
      inFlight.delete(run);
    });
    inFlight.add(run);
    if (inFlight.size >= TXNS_IN_FLIGHT) await Promise.race(inFlight);
  };
  for await (const swap of swaps) {
    batch.push(swap);
    if (batch.length === SWAPS_PER_TXN) await send();
  }
  if (batch.length > 0) await send();
  await Promise.all(inFlight);
  await deps.mirror.caughtUp(revision);
  return left;
}

/** `revision`: what the mirror has to know before anything is derived anew. */
async function swapBatch(
  { keys, writes }: SwapDeps,
  term: Comparison,
  swaps: readonly Swap[],
): Promise<{ done: boolean; revision: number }> {
  const keyOf = ({ entry }: Swap): string => keys.partition(entry.topicId, entry.index);
  const outcome = await writes.txn({
    compare: [term, ...swaps.map((swap) => ({ key: keyOf(swap), modRevision: swap.entry.revision }))],
    success: swaps.map((swap) => ({ put: keyOf(swap), value: JSON.stringify(swap.next) })),
    failure: swaps.map((swap) => ({ range: { key: keyOf(swap) }, keysOnly: true })),
  });
  if (outcome.kind === 'done') return { done: true, revision: outcome.revision };
  return { done: false, revision: outcome.kind === 'conflict' ? newest(outcome.results) : 0 };
}

function newest(results: readonly OperationResult[]): number {
  const revisions = results
    .flatMap((one) => (one.kind === 'range' ? one.kvs : []))
    .map((kv) => kv.modRevision);
  return Math.max(0, ...revisions);
}
