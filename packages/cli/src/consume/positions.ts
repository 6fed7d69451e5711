import { EdgelogError } from '@edgelog/base';
import type { KafkaCluster, TopicMetadata } from '@edgelog/client';
import { EARLIEST, LATEST, listOffsets, partitionKey } from '../kafka/offsets.ts';
import type { Position } from './consumer.ts';

export interface Start {
  /** Empty: all of them. */
  readonly partition: readonly number[];
  readonly fromBeginning: boolean;
  /** `earliest`, `latest` or a number. */
  readonly offset?: string | undefined;
  readonly untilEnd: boolean;
}

/** Where to begin in each partition. Throws REFUSED for one that does not exist. */
export async function startPositions(
  cluster: KafkaCluster,
  topic: TopicMetadata,
  { partition: wanted, offset, fromBeginning, untilEnd }: Start,
): Promise<Position[]> {
  const missing = wanted.find((index) => index >= topic.partitions.length);
  if (missing !== undefined) {
    const count = topic.partitions.length;
    throw new EdgelogError('REFUSED', `topic ${topic.name} has ${count} partitions, there is no ${missing}`);
  }
  const ends = await listOffsets(cluster, [topic], LATEST);
  const isEarliest = fromBeginning || offset === 'earliest';
  const starts = isEarliest ? await listOffsets(cluster, [topic], EARLIEST) : ends;
  const indexes =
    wanted.length > 0 ? [...new Set(wanted)] : topic.partitions.map((one) => one.partitionIndex);
  return indexes.map((partition) => {
    const key = partitionKey(topic.name ?? '', partition);
    const [start, end] = [starts.get(key), ends.get(key)];
    if (start === undefined || end === undefined) {
      throw new EdgelogError('REFUSED', `partition ${topic.name}-${partition} has no leader`);
    }
    const isExact = offset !== undefined && /^\d/.test(offset);
    const at = isExact ? Number(offset) : start;
    return { partition, offset: at, endOffset: untilEnd ? end : undefined, isExact };
  });
}
