import { describe, expect, test } from 'vitest';
import { decodeRecord, encodeRecord, type GroupMetadataValue, type GroupRecord } from './index.ts';

/**
 * Written by Kafka 4.1.1's own classes (kafka-group-coordinator jar): `MessageUtil.toCoordinatorTypePrefixedBytes` for keys
 * and `MessageUtil.toVersionPrefixedBytes(version, value)` for values of `org.apache.kafka.coordinator.group.generated.*`,
 * run as `java -cp 'libs/*' Fixture.java`.
 */
const kafka = {
  offsetKey: '0001000772656164657273000974656c656d6574727900000003',
  offsetValue: {
    0: '00000000011f71fb04cb00036dc3bc0000018bcfe56800',
    1: '0001000000000000000700000000018bcfe568000000018bcfe65260',
    2: '00020000011f71fb04cb00036dc3bc0000018bcfe56800',
    3: '00030000011f71fb04cb0000000500036dc3bc0000018bcfe56800',
    4: '00040000011f71fb04cb00000005046dc3bc0000018bcfe5680000',
  },
  groupKey: '0002000772656164657273',
  groupValue: {
    0: '00000008636f6e73756d657200000009000572616e67650003632d31000000010003632d31000163000a2f3132372e302e302e310000afc8000000030001020000000103',
    3: '00030008636f6e73756d657200000009000572616e67650003632d310000018bcfe56800000000010003632d310003692d31000163000a2f3132372e302e302e310000ea600000afc8000000030001020000000103',
    4: '000409636f6e73756d6572000000090672616e676504632d310000018bcfe568000204632d3104692d3102630b2f3132372e302e302e310000ea600000afc80400010202030000',
  },
  groupEmpty: '0003000000000000ffffffffffffffffffffffff00000000',
};

const hex = (text: string) => Buffer.from(text, 'hex');
const offset = { offset: 1234567890123, leaderEpoch: 5, metadata: 'mü', commitTimestamp: 1700000000000 };
const generation: GroupMetadataValue = {
  protocolType: 'consumer',
  generation: 9,
  protocol: 'range',
  leader: 'c-1',
  currentStateTimestamp: 1700000000000,
  members: [
    {
      memberId: 'c-1',
      groupInstanceId: 'i-1',
      clientId: 'c',
      clientHost: '/127.0.0.1',
      rebalanceTimeout: 60000,
      sessionTimeout: 45000,
      subscription: Buffer.from([0, 1, 2]),
      assignment: Buffer.from([3]),
    },
  ],
};
const commit = (value: object): GroupRecord =>
  ({ type: 'offset', groupId: 'readers', topic: 'telemetry', partition: 3, value }) as GroupRecord;
const group = (value: GroupMetadataValue): GroupRecord => ({ type: 'group', groupId: 'readers', value });

describe('records are byte for byte those of Kafka', () => {
  test.each([
    ['offset', commit({ ...offset, expireTimestamp: -1 }), kafka.offsetKey, kafka.offsetValue[3]],
    [
      'offset that expires at a time the client named',
      commit({
        offset: 7,
        leaderEpoch: -1,
        metadata: '',
        commitTimestamp: 1700000000000,
        expireTimestamp: 1700000060000,
      }),
      kafka.offsetKey,
      kafka.offsetValue[1],
    ],
    ['generation', group(generation), kafka.groupKey, kafka.groupValue[3]],
    [
      'empty group',
      group({
        protocolType: '',
        generation: 0,
        protocol: null,
        leader: null,
        currentStateTimestamp: -1,
        members: [],
      }),
      kafka.groupKey,
      kafka.groupEmpty,
    ],
  ])('%s', (_, record, key, value) => {
    const encoded = encodeRecord(record);
    expect(encoded.key.toString('hex')).toBe(key);
    expect(encoded.value?.toString('hex')).toBe(value);
    expect(decodeRecord(encoded.key, encoded.value)).toMatchObject(record);
  });

  test('a tombstone has the key and no value', () => {
    const record: GroupRecord = { type: 'group', groupId: 'readers', value: null };
    expect(encodeRecord(record)).toEqual({ key: hex(kafka.groupKey), value: null });
    expect(decodeRecord(hex(kafka.groupKey), null)).toEqual(record);
  });
});

describe('records of other Kafka versions are read', () => {
  test.each([
    [0, { ...offset, leaderEpoch: -1, expireTimestamp: -1 }],
    [2, { ...offset, leaderEpoch: -1, expireTimestamp: -1 }],
    [4, { ...offset, expireTimestamp: -1 }],
  ] as const)('offset value v%i', (version, value) => {
    expect(decodeRecord(hex(kafka.offsetKey), hex(kafka.offsetValue[version]))).toMatchObject(commit(value));
  });

  test('group value v4', () => {
    expect(decodeRecord(hex(kafka.groupKey), hex(kafka.groupValue[4]))).toEqual(group(generation));
  });

  test('group value v0, which knows neither instances nor rebalance timeouts', () => {
    const decoded = decodeRecord(hex(kafka.groupKey), hex(kafka.groupValue[0]));
    const [member] = generation.members;
    expect(decoded).toEqual(
      group({
        ...generation,
        currentStateTimestamp: -1,
        members: [{ ...member!, groupInstanceId: null, rebalanceTimeout: -1 }],
      }),
    );
  });

  test('a key of a type that is not known is passed over', () => {
    expect(decodeRecord(hex('000b000772656164657273'), null)).toBeUndefined();
  });

  test('a value of a version that is not known is refused by name', () => {
    expect(() => decodeRecord(hex(kafka.groupKey), hex('0009'))).toThrow(/GroupMetadataValue has version 9/);
  });
});
