import { expect, test } from 'vitest';
import { topicFindings } from './findings.ts';
import { topicPolicy } from './topic-policy.ts';

const DEFAULTS = {
  'message.timestamp.type': 'CreateTime',
  'retention.ms': '-1',
  'cleanup.policy': 'delete',
  'compression.type': 'producer',
  'max.message.bytes': '1048588',
  'message.timestamp.before.max.ms': '9223372036854775807',
  'message.timestamp.after.max.ms': '3600000',
  'min.insync.replicas': '2',
  'unclean.leader.election.enable': 'false',
};

function found(
  topic: Readonly<Record<string, string>>,
  replication = 3,
  expirationMs = '86400000',
): string[] {
  const findings = topicFindings({
    brokerCount: 3,
    replication,
    topic: new Map(Object.entries({ ...DEFAULTS, ...topic })),
    broker: new Map([['producer.id.expiration.ms', expirationMs]]),
  });
  return findings.map(({ severity, setting }) => `${severity} ${setting}`);
}

test('a topic that is set for late data raises nothing', () => {
  expect(found({})).toEqual([]);
});

test.each([
  [{ 'retention.ms': '604800000' }, 'warning retention.ms'],
  [{ 'message.timestamp.type': 'LogAppendTime', 'retention.ms': '604800000' }, 'note message.timestamp.type'],
  [{ 'message.timestamp.before.max.ms': '604800000' }, 'problem message.timestamp.before.max.ms'],
  [{ 'message.timestamp.after.max.ms': '1000' }, 'warning message.timestamp.after.max.ms'],
  [{ 'max.message.bytes': '100000' }, 'warning max.message.bytes'],
  [{ 'compression.type': 'gzip' }, 'problem compression.type'],
  [{ 'cleanup.policy': 'compact' }, 'problem cleanup.policy'],
  [{ 'min.insync.replicas': '1' }, 'warning min.insync.replicas'],
  [{ 'min.insync.replicas': '3' }, 'warning min.insync.replicas'],
  [{ 'unclean.leader.election.enable': 'true' }, 'warning unclean.leader.election.enable'],
])('%j is told', (topic, finding) => {
  expect(found(topic)).toEqual([finding]);
});

test('one replica among several brokers, and producers that are forgotten early, are told', () => {
  expect(found({}, 1)).toEqual(['warning replication factor']);
  expect(found({}, 3, '60000')).toEqual(['warning producer.id.expiration.ms']);
});

test('a span is told in a unit that says something', () => {
  const says = (retentionMs: string) =>
    topicFindings({
      ...{ brokerCount: 3, replication: 3, broker: undefined },
      topic: new Map([['retention.ms', retentionMs]]),
    })[0]?.says;
  expect(says('5000')).toContain('deleted 5 seconds after');
  expect(says('3600000')).toContain('deleted 60 minutes after');
  expect(says('86400000')).toContain('deleted 24 hours after');
  expect(says('604800000')).toContain('deleted 7 days after');
});

test('a topic whose settings may not be read is used as one that has the defaults', () => {
  const configs = { brokerCount: 3, replication: 3, topic: undefined, broker: undefined };
  expect(topicFindings(configs)).toMatchObject([{ severity: 'note', value: 'not told' }]);
  expect(topicPolicy(configs)).toMatchObject({ rewrites: false, isCompacted: false });
});
