import { expect, test } from 'vitest';
import { partitionOf } from './placement.ts';

test.each([
  ['readers', 28],
  ['', 0],
  ['g', 3],
  ['polygenelubricants', 0], // its hash is the smallest integer, which has no absolute value
  ['Ωmega-group', 45],
  ['console-consumer-12345', 6],
])('group %j lies where Kafka puts it among 50 partitions', (groupId, partition) => {
  expect(partitionOf(groupId, 50)).toBe(partition);
});
