import { snapshotConsumer } from './consumer/snapshot.ts';
import type { GroupRecord } from './records/index.ts';
import type { Group, Shard } from './state.ts';

/** A log shorter than this is not worth rewriting. */
export const CHECKPOINT_RECORDS_MIN = 5_000;
/** The log may grow to this many times what is live in it. */
const GROWTH = 4;

/** Records that recovery needs and no more: what compaction would leave. */
export function* snapshot(shard: Shard): Generator<GroupRecord> {
  for (const group of shard.groups.values()) yield* snapshotGroup(group);
}

function* snapshotGroup({ groupId, recorded, consumer, offsets }: Group): Generator<GroupRecord> {
  if (recorded) yield { type: 'group', groupId, value: recorded };
  if (consumer) yield* snapshotConsumer(groupId, consumer);
  for (const [topic, partitions] of offsets) {
    for (const [partition, value] of partitions) yield { type: 'offset', groupId, topic, partition, value };
  }
}

/** How many records the log may hold before it is rewritten from the live ones. */
export const checkpointAt = (liveRecords: number) => Math.max(CHECKPOINT_RECORDS_MIN, GROWTH * liveRecords);
