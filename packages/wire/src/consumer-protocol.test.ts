import { expect, test } from 'vitest';
import {
  readConsumerAssignment,
  readConsumerSubscription,
  writeConsumerAssignment,
} from './consumer-protocol.ts';

/** Written by the classes of the kafka-clients 4.1.1 jar, topics a and b, partitions 0 and 2 of a owned. */
const subscriptions = [
  '0000000000020001610001620000000109',
  '000100000002000161000162000000010900000001000161000000020000000000000002',
  '00020000000200016100016200000001090000000100016100000002000000000000000200000004',
  '00030000000200016100016200000001090000000100016100000002000000000000000200000004000172',
];
const assignment = '000300000001000161000000020000000000000002ffffffff';
const owned = [{ topic: 'a', partitions: [0, 2] }];
const hex = (text: string) => Buffer.from(text, 'hex');

test.each(subscriptions.map((text, version) => [version, text] as const))(
  "a consumer's subscription of version %i is read",
  (version, text) => {
    expect(readConsumerSubscription(hex(text))).toEqual({
      version,
      topics: ['a', 'b'],
      owned: version > 0 ? owned : [],
      rackId: version > 2 ? 'r' : null,
    });
  },
);

test('a subscription may end before the fields of its version, and go on behind those that are known', () => {
  const old = `0001${subscriptions[0]!.slice(4)}`;
  expect(readConsumerSubscription(hex(old))).toMatchObject({ version: 1, topics: ['a', 'b'], owned: [] });
  const newer = `0009${subscriptions[3]!.slice(4)}ffff`;
  expect(readConsumerSubscription(hex(newer))).toMatchObject({ version: 3, owned, rackId: 'r' });
});

test('what is no subscription or assignment is refused', () => {
  for (const text of ['', '00', 'ffff0000', '00010000000200016100ff', subscriptions[1]!.slice(0, -2)]) {
    expect(() => readConsumerSubscription(hex(text))).toThrow(/ConsumerProtocolSubscription is malformed/);
  }
  expect(() => readConsumerAssignment(hex(assignment.slice(0, 30)))).toThrow(/malformed at byte/);
});

test("an assignment is byte for byte Kafka's, and is read again", () => {
  expect(writeConsumerAssignment(3, owned).toString('hex')).toBe(assignment);
  expect(readConsumerAssignment(hex(assignment))).toEqual(owned);
  expect(readConsumerAssignment(Buffer.alloc(0))).toEqual([]);
});
