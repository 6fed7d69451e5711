import { expect, test } from 'vitest';
import { topicConfigDefinitions } from '../metadata/topic-config.ts';
import { retentionPolicy } from './policy.ts';

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
