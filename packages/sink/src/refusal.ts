import { KafkaRefusal } from '@edgelog/client/refusal.ts';
import { type Refusal, type RefusalCode, refuse } from '@edgelog/sync';
import type { Produced } from './cluster.ts';

/** What only this batch can do nothing about is set aside by its gateway; everything else keeps the stream standing. */
const CODE_OF: Readonly<Record<string, RefusalCode>> = {
  MESSAGE_TOO_LARGE: 'batch-too-large',
  RECORD_LIST_TOO_LARGE: 'batch-too-large',
  CORRUPT_MESSAGE: 'corrupt-batch',
  INVALID_RECORD: 'corrupt-batch',
  TOPIC_AUTHORIZATION_FAILED: 'unauthorized',
  CLUSTER_AUTHORIZATION_FAILED: 'unauthorized',
  INVALID_TOPIC_EXCEPTION: 'illegal-topic',
};

/**
 * `where`: the partition. A compacted topic refuses what has no key, as it would any other batch of the gateway: that is for the operator to
 * mend, and nothing to set aside.
 */
export function refusalOf(
  produced: Exclude<Produced, { outcome: 'committed' }>,
  { where, isCompacted }: { where: string; isCompacted: boolean },
): Refusal {
  const message = `${where}: ${produced.error} (${produced.message})`;
  if (produced.outcome === 'unknown') return refuse('not-available', message);
  if (isCompacted && produced.error === 'INVALID_RECORD') return refuse('store-failed', message);
  return refuse(CODE_OF[produced.error] ?? 'store-failed', message);
}

/** Whether a cluster that was asked says that somebody has to allow it. */
export function isUnauthorized(error: unknown): boolean {
  return error instanceof KafkaRefusal && CODE_OF[error.errorName] === 'unauthorized';
}
