import { setTimeout as delay } from 'node:timers/promises';
import type { PartitionRecord } from '@edgelog/cluster';
import type { Refused } from '../metadata/topic-admin.ts';
import type { SwapDeps } from './controller/swaps.ts';

const RETRY_MS = 100;
const TIMEOUT_MS = 10_000;

/** What a partition's record is to become; the record itself where nothing has to. */
export type Change = (record: PartitionRecord) => PartitionRecord | Refused;

/**
 * Changes a partition's record as it is by then, however often others change it meanwhile. Resolves when this broker's mirror
 * has it.
 */
export async function changePartition(
  { keys, mirror, writes }: SwapDeps,
  topicId: string,
  index: number,
  change: Change,
): Promise<Refused | undefined> {
  const key = keys.partition(topicId, index);
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const entry = mirror.metadata.partition(topicId, index);
    if (entry === undefined) return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: 'the partition is gone' };
    const next = change(entry.record);
    if ('error' in next) return next;
    if (next === entry.record) return undefined;
    const outcome = await writes.txn({
      compare: [{ key, modRevision: entry.revision }],
      success: [{ put: key, value: JSON.stringify(next) }],
      failure: [{ range: { key }, keysOnly: true }],
    });
    if (outcome.kind === 'done') {
      await mirror.caughtUp(outcome.revision);
      return undefined;
    }
    if (outcome.kind === 'failed' || performance.now() > deadline) {
      const message = 'error' in outcome ? outcome.error.message : 'it is changed by others all the time';
      return { error: 'REQUEST_TIMED_OUT', message };
    }
    const found = outcome.kind === 'conflict' ? outcome.results[0] : undefined;
    const revision = found?.kind === 'range' ? found.kvs[0]?.modRevision : undefined;
    if (revision !== undefined && revision !== entry.revision) await mirror.caughtUp(revision);
    else await delay(RETRY_MS);
  }
}
