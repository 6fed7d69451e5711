import { expect, test } from 'vitest';
import { decodeRecord, encodeRecord, type GroupRecord } from './index.ts';

/** Written by Kafka 4.1.1's own classes, as in `record.test.ts`. */
const topicId = '00000000-0000-0001-0000-000000000002';
const cases: [record: GroupRecord, key: string, value: string][] = [
  [
    { type: 'consumerGroup', groupId: 'g', value: { epoch: 3, metadataHash: -4n } },
    '0003000167',
    '000000000003010008fffffffffffffffc',
  ],
  [
    {
      type: 'consumerMember',
      groupId: 'g',
      memberId: 'm',
      value: {
        instanceId: 'i',
        rackId: null,
        clientId: 'c',
        clientHost: '/h',
        subscribedTopicNames: ['a', 'b'],
        subscribedTopicRegex: 'x.*',
        rebalanceTimeoutMs: 7,
        serverAssignor: 'range',
        classicMemberMetadata: null,
      },
    },
    '000500016700016d',
    '00000269000263032f68030261026204782e2a000000070672616e676500',
  ],
  [
    {
      type: 'consumerMember',
      groupId: 'g',
      memberId: 'm',
      value: {
        instanceId: null,
        rackId: 'r',
        clientId: 'c',
        clientHost: '/h',
        subscribedTopicNames: ['a'],
        subscribedTopicRegex: null,
        rebalanceTimeoutMs: 7,
        serverAssignor: null,
        classicMemberMetadata: {
          sessionTimeoutMs: 45_000,
          supportedProtocols: [
            { name: 'range', metadata: Buffer.of(0, 1, 2) },
            { name: 'cooperative-sticky', metadata: Buffer.of(3) },
          ],
        },
      },
    },
    '000500016700016d',
    '00000002720263032f68020261000000000700010028010000afc8030672616e6765040001020013636f6f70657261746976652d737469636b7902030000',
  ],
  [{ type: 'targetEpoch', groupId: 'g', value: { assignmentEpoch: 3 } }, '0006000167', '00000000000300'],
  [
    {
      type: 'targetAssignment',
      groupId: 'g',
      memberId: 'm',
      value: { topicPartitions: [{ topicId, partitions: [0, 1] }] },
    },
    '000700016700016d',
    '000002000000000000000100000000000000020300000000000000010000',
  ],
  [
    {
      type: 'currentAssignment',
      groupId: 'g',
      memberId: 'm',
      value: {
        memberEpoch: 3,
        previousMemberEpoch: 2,
        state: 1,
        assignedPartitions: [{ topicId, partitions: [0] }],
        partitionsPendingRevocation: [{ topicId, partitions: [1] }],
      },
    },
    '000800016700016d',
    '00000000000300000002010200000000000000010000000000000002020000000000020000000000000001000000000000000202000000010000',
  ],
  [
    {
      type: 'regularExpression',
      groupId: 'g',
      regularExpression: 'x.*',
      value: { topics: ['x1'], version: 0, timestamp: 5 },
    },
    '00100001670003782e2a',
    '0000020378310000000000000000000000000000000500',
  ],
];

test.each(cases)('%o is byte for byte what Kafka writes, and is read again', (record, key, value) => {
  const encoded = encodeRecord(record);
  expect(encoded.key.toString('hex')).toBe(key);
  expect(encoded.value?.toString('hex')).toBe(value);
  expect(decodeRecord(encoded.key, encoded.value)).toEqual(record);
  expect(decodeRecord(encoded.key, null)).toEqual({ ...record, value: null });
});
