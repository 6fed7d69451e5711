import { expect, test } from 'vitest';
import { topicConfigDefinitions } from './topic-config.ts';

const definitions = new Map(topicConfigDefinitions(1_000_000, 2 ** 28).map((one) => [one.name, one]));

test('every default passes its own check and every config says what it is', () => {
  for (const { name, default: value, check, doc } of definitions.values()) {
    expect([name, check(value!)]).toEqual([name, undefined]);
    expect(doc).toMatch(/\.$/);
  }
});

test.each([
  ['cleanup.policy', 'compact,delete', true],
  ['cleanup.policy', 'vanish', false],
  ['retention.ms', '-1', true],
  ['retention.ms', '-2', false],
  ['retention.ms', '9223372036854775807', true],
  ['retention.ms', '9223372036854775808', false],
  ['retention.ms', 'ten', false],
  ['min.insync.replicas', '0', false],
  ['max.message.bytes', '2147483648', false],
  ['min.cleanable.dirty.ratio', '0.2', true],
  ['min.cleanable.dirty.ratio', '', false],
  ['message.timestamp.type', 'LogAppendTime', true],
  ['message.timestamp.type', 'BrokerTime', false],
  ['compression.type', 'gzip', true],
  ['compression.type', 'brotli', false],
  ['compression.gzip.level', '0', false],
  ['compression.zstd.level', '-131072', true],
  ['remote.storage.enable', 'true', false],
  ['leader.replication.throttled.replicas', '0:1,1:2', true],
  ['leader.replication.throttled.replicas', 'all', false],
  ['preallocate', 'TRUE', true],
  ['preallocate', 'yes', false],
])('%s=%s is allowed: %s', (name, value, allowed) => {
  expect(definitions.get(name)!.check(value) === undefined).toBe(allowed);
});
