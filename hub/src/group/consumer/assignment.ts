import type { TopicPartitions } from '../records/index.ts';

/** Topic id → its partitions, ascending; no topic without partitions. */
export type Assignment = ReadonlyMap<string, readonly number[]>;

export const NOTHING: Assignment = new Map();

export function assignmentOf(list: readonly TopicPartitions[]): Assignment {
  const sets = new Map<string, Set<number>>();
  for (const { topicId, partitions } of list) {
    const set = sets.get(topicId) ?? new Set();
    sets.set(topicId, set);
    for (const partition of partitions) set.add(partition);
  }
  return fromSets(sets);
}

export function fromSets(sets: ReadonlyMap<string, ReadonlySet<number>>): Assignment {
  const assignment = new Map<string, readonly number[]>();
  for (const [topicId, set] of sets) {
    if (set.size > 0)
      assignment.set(
        topicId,
        [...set].sort((a, b) => a - b),
      );
  }
  return assignment;
}

export const listOf = (assignment: Assignment) =>
  Array.from(assignment, ([topicId, partitions]) => ({ topicId, partitions }));

export function* partitionsOf(
  assignment: Assignment,
): Generator<readonly [topicId: string, partition: number]> {
  for (const [topicId, partitions] of assignment)
    for (const partition of partitions) yield [topicId, partition];
}

const has = (assignment: Assignment, topicId: string, partition: number): boolean =>
  assignment.get(topicId)?.includes(partition) ?? false;

export function countOf(assignment: Assignment): number {
  let count = 0;
  for (const partitions of assignment.values()) count += partitions.length;
  return count;
}

/** Whether every partition of `a` is in `b`. */
export function isWithin(a: Assignment, b: Assignment): boolean {
  for (const [topicId, partition] of partitionsOf(a)) if (!has(b, topicId, partition)) return false;
  return true;
}

export const sameAssignment = (a: Assignment, b: Assignment): boolean =>
  countOf(a) === countOf(b) && isWithin(a, b);

/** Whether some partition is in both. */
export function overlaps(a: Assignment, b: Assignment): boolean {
  for (const [topicId, partition] of partitionsOf(a)) if (has(b, topicId, partition)) return true;
  return false;
}
