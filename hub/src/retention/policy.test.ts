import { expect, test } from 'vitest';
import { topicConfigDefinitions } from '../metadata/topic-config.ts';
import { compactionPolicy, retentionPolicy } from './policy.ts';

const definitions = new Map(topicConfigDefinitions(1_000_000, 2 ** 28).map((one) => [one.name, one]));
const WEEK_MS = 604_800_000;

test.each([
  [{}, { retentionMs: WEEK_MS, retentionBytes: undefined }],
  [{ 'retention.ms': '-1' }, undefined],
  [
    { 'retention.ms': '0', 'retention.bytes': '5' },
    { retentionMs: 0, retentionBytes: 5 },
  ],
  [{ 'cleanup.policy': 'compact' }, undefined],
  [{ 'cleanup.policy': 'compact, delete' }, { retentionMs: WEEK_MS, retentionBytes: undefined }],
])('a topic with %j keeps %j', (configs: Record<string, string>, policy) => {
  expect(retentionPolicy({ configs, isInternal: false }, definitions)).toEqual(policy);
});

test("of the broker's own topics everything is kept unless they say otherwise", () => {
  expect(retentionPolicy({ configs: {}, isInternal: true }, definitions)).toBeUndefined();
  const configs = { 'retention.bytes': '1000' };
  expect(retentionPolicy({ configs, isInternal: true }, definitions)).toEqual({
    retentionMs: undefined,
    retentionBytes: 1000,
  });
});

test('a topic is compacted only when it says so, by its own configs and else the defaults', () => {
  const policy = (configs: Record<string, string>, isInternal = false) =>
    compactionPolicy({ configs, isInternal }, definitions);
  expect(policy({})).toBeUndefined();
  expect(policy({ 'cleanup.policy': 'compact' }, true)).toBeUndefined();
  expect(
    policy({ 'cleanup.policy': 'delete,compact', 'min.compaction.lag.ms': '5', 'segment.ms': '7' }),
  ).toEqual({
    dirtyRatioMin: 0.5,
    minLagMs: 5,
    maxLagMs: 2 ** 63,
    deleteRetentionMs: 86_400_000,
    rollBytes: 2 ** 28,
    rollMs: 7,
  });
});
