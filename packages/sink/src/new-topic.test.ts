import { expect, test } from 'vitest';
import { givenConfigs, newTopicConfigs } from './new-topic.ts';

const CLUSTER = { brokerCount: 3, replication: 3 };
const topicOf = (broker: Readonly<Record<string, string>>, given: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(
    newTopicConfigs({ ...CLUSTER, broker: new Map(Object.entries(broker)) }, given).topic ?? [],
  );

test.each<[Record<string, string>, string]>([
  [{ 'log.retention.hours': '168' }, '604800000'],
  [{ 'log.retention.hours': '168', 'log.retention.minutes': '30' }, '1800000'],
  [{ 'log.retention.hours': '168', 'log.retention.minutes': '30', 'log.retention.ms': '-1' }, '-1'],
  [{ 'log.retention.hours': '-1' }, '-1'],
])('of a broker with %j a topic that is made there keeps records for %s ms', (broker, retention) => {
  expect(topicOf(broker)).toEqual({ 'retention.ms': retention });
});

test('what is given for a topic counts, the rest is what the brokers have under other names', () => {
  const broker = { 'message.max.bytes': '1000', 'log.cleanup.policy': 'delete', 'log.retention.hours': '1' };
  const given = givenConfigs({ sinkTopicConfig: ['retention.ms=-1', 'segment.bytes=1048576'] });
  expect(topicOf(broker, given)).toEqual({
    'max.message.bytes': '1000',
    'cleanup.policy': 'delete',
    'retention.ms': '-1',
    'segment.bytes': '1048576',
  });
});

test('brokers that do not tell leave it open', () => {
  expect(newTopicConfigs({ ...CLUSTER, broker: undefined }, {}).topic).toBeUndefined();
});
