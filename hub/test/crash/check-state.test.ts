import { expect, test } from 'vitest';
import { checkTopic, type TopicState } from './check-topic.ts';
import { CommitLedger } from './commit-ledger.ts';
import { Possible } from './possible.ts';

const TOPIC: TopicState = { topicId: 'a', partitions: 2, configs: { 'retention.ms': '5' } };

test.each<[string, TopicState | undefined]>([
  ['an acknowledged topic is missing', undefined],
  ['it is another one of that name', { ...TOPIC, topicId: 'b' }],
  ['a partition is missing', { ...TOPIC, partitions: 1 }],
  ['a config is what it was before', { ...TOPIC, configs: { 'retention.ms': '4' } }],
  ['a config is missing', { ...TOPIC, configs: {} }],
])('%s: told', (_, observed) => {
  expect(checkTopic('t', [TOPIC], observed)).toMatch(/topic t: found/);
});

test('a deleted topic that is there again: told', () => {
  const topic = new Possible<TopicState | undefined>(TOPIC);
  topic.asked(undefined);
  topic.settle(undefined);
  expect(checkTopic('t', topic.values, TOPIC)).toMatch(/should be none/);
});

test('what had no answer may have happened or not, until someone looks', () => {
  const topic = new Possible<TopicState | undefined>(undefined);
  topic.asked({ ...TOPIC, topicId: undefined });
  expect(checkTopic('t', topic.values, TOPIC)).toBeUndefined();
  expect(checkTopic('t', topic.values, undefined)).toBeUndefined();
  topic.settle(undefined);
  expect(checkTopic('t', topic.values, TOPIC)).toMatch(/should be none/);
});

test('a committed offset may be the last acknowledged or one that had no answer after it, nothing else', () => {
  const ledger = new CommitLedger('g', 't', 0);
  expect(ledger.check(-1)).toBeUndefined();
  for (const offset of [10, 20, 30, 40]) ledger.asked(offset);
  ledger.settle(20);
  ledger.refused(40);
  expect(ledger.check(20)).toBeUndefined();
  expect(ledger.check(30)).toBeUndefined();
  for (const wrong of [-1, 10, 25, 40]) expect(ledger.check(wrong)).toMatch(/g, t-0: committed/);
});
