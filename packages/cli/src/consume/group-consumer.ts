import type { KafkaCluster, TopicMetadata } from '@edgelog/client';
import { commitOffsets, fetchCommitted } from '../groups/group.ts';
import { partitionKey } from '../kafka/offsets.ts';
import { type ConsumeOptions, consume, isPassing, type OnRecord, type Position } from './consumer.ts';
import { Membership } from './membership.ts';
import { startPositions } from './positions.ts';

const COMMIT_EVERY_MS = 5_000;

export interface GroupOptions {
  readonly group: string;
  /** Where the group has committed nothing. */
  readonly fromBeginning: boolean;
  readonly untilEnd: boolean;
}

/**
 * Reads a topic as a member of a group until `signal` is aborted, `onRecord` wants no more, or, with `untilEnd`, its own
 * partitions are at their end. What was taken is committed every few seconds, before partitions go to others, and in the end.
 */
export async function consumeInGroup(
  cluster: KafkaCluster,
  topic: TopicMetadata,
  { group, fromBeginning, untilEnd }: GroupOptions,
  options: ConsumeOptions,
): Promise<void> {
  const member = new Membership(cluster, group, topic);
  let positions: Position[] = [];
  const committed = new Map<number, number>();
  const commit = async () => {
    const news = positions.filter(({ partition, offset }) => committed.get(partition) !== offset);
    const offsets = news.map(({ partition, offset }) => ({ topic: topic.name ?? '', partition, offset }));
    await commitOffsets(cluster, member.coordinator, group, offsets, member);
    for (const { partition, offset } of offsets) committed.set(partition, offset);
  };
  let isDone = false;
  const onRecord: OnRecord = async (...record) => {
    const wantsMore = await options.onRecord(...record);
    isDone ||= !wantsMore;
    return wantsMore;
  };
  try {
    while (!isDone) {
      const assignment = await member.assignment(options.signal);
      if (assignment === undefined) return;
      const { partitions, changed } = assignment;
      options.onNotice(`group ${group}: partitions ${toRanges(partitions) || 'none yet'}`);
      positions = await resume(partitions);
      const signal = AbortSignal.any([options.signal, changed]);
      const timer = setInterval(() => void commit().catch(onFault), COMMIT_EVERY_MS);
      try {
        if (positions.length > 0) await consume(cluster, topic, positions, { ...options, onRecord, signal });
        else if (!untilEnd) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      } finally {
        clearInterval(timer);
        await commit().catch(onFault);
      }
      if (!changed.aborted || options.signal.aborted) return;
    }
  } finally {
    await member.leave();
  }

  async function resume(partitions: readonly number[]): Promise<Position[]> {
    if (partitions.length === 0) return [];
    const found = await fetchCommitted(cluster, member.coordinator, group);
    const starts = await startPositions(cluster, topic, { partition: partitions, fromBeginning, untilEnd });
    committed.clear();
    return starts.map((position) => {
      const at = found.get(partitionKey(topic.name ?? '', position.partition));
      if (at === undefined) return position;
      committed.set(position.partition, at);
      return { ...position, offset: at };
    });
  }

  /** A commit that fails is tried again with the next one; records may be read twice then, never missed. */
  function onFault(error: unknown): void {
    if (!isPassing(error)) options.onNotice(`the commit failed: ${(error as Error).message}`);
  }
}

/** `0-3, 7`, of ascending numbers. */
export function toRanges(numbers: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range !== undefined && number === range.last + 1) range.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
}
