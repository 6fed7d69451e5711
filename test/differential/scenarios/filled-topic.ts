import { batchOf } from '../../../hub/test/support/batches.ts';
import type { Peer } from '../peer.ts';

export const UNKNOWN_ID = '00000000-0000-4000-8000-000000000009';
/** The first record's time in topics that are read by time. */
export const T0 = 1_700_000_000_000;

/** Three batches of two records: offsets 0–5, a minute from batch to batch; the last one is the oldest. */
export async function filled(
  peer: Peer,
  name: string,
  partitions = 1,
): Promise<{ topic: string; topicId: string }> {
  const topic = `${peer.prefix}${name}`;
  const topicId = await peer.topic(topic, partitions);
  for (const timestamp of [T0, T0 + 60_000, T0 - 60_000])
    await peer.produce(topic, batchOf(['first', 'second'], { timestamp }));
  return { topic, topicId };
}
