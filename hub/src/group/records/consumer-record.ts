import { decodeMessage } from '@edgelog/wire';
import type { ConsumerGroupRecord } from './consumer-group.ts';
import * as f from './consumer-group.ts';
import { prefixed, unversioned, versioned } from './versioned.ts';

const KEY = {
  consumerGroup: 3,
  consumerMember: 5,
  targetEpoch: 6,
  targetAssignment: 7,
  currentAssignment: 8,
  regularExpression: 16,
} as const;

export function encodeConsumerRecord(record: ConsumerGroupRecord): { key: Buffer; value: Buffer | null } {
  return { key: encodeKey(record), value: record.value && encodeValue(record) };
}

function encodeKey(record: ConsumerGroupRecord): Buffer {
  const type = KEY[record.type];
  if (record.type === 'regularExpression') return prefixed(f.regularExpressionKey, type, 0, record);
  return 'memberId' in record
    ? prefixed(f.memberKey, type, 0, record)
    : prefixed(f.groupKey, type, 0, record);
}

function encodeValue(record: ConsumerGroupRecord): Buffer {
  switch (record.type) {
    case 'consumerGroup':
      return versioned(f.groupValue, 0, record.value!);
    case 'consumerMember':
      return versioned(f.memberValue, 0, record.value!);
    case 'targetEpoch':
      return versioned(f.targetEpochValue, 0, record.value!);
    case 'targetAssignment':
      return versioned(f.targetAssignmentValue, 0, record.value!);
    case 'currentAssignment':
      return versioned(f.currentAssignmentValue, 0, record.value!);
    case 'regularExpression':
      return versioned(f.regularExpressionValue, 0, record.value!);
  }
}

/** Undefined for a key type that is not one of these. Throws EdgelogError CORRUPT_FRAME. */
export function decodeConsumerRecord(
  type: number,
  key: Buffer,
  value: Buffer | null,
): ConsumerGroupRecord | undefined {
  switch (type) {
    case KEY.consumerGroup: {
      const of = decodeMessage(f.groupKey, 0, key, 2);
      return { type: 'consumerGroup', ...of, value: value && unversioned(f.groupValue, value) };
    }
    case KEY.targetEpoch: {
      const of = decodeMessage(f.groupKey, 0, key, 2);
      return { type: 'targetEpoch', ...of, value: value && unversioned(f.targetEpochValue, value) };
    }
    case KEY.consumerMember: {
      const of = decodeMessage(f.memberKey, 0, key, 2);
      return { type: 'consumerMember', ...of, value: value && unversioned(f.memberValue, value) };
    }
    case KEY.targetAssignment: {
      const of = decodeMessage(f.memberKey, 0, key, 2);
      return { type: 'targetAssignment', ...of, value: value && unversioned(f.targetAssignmentValue, value) };
    }
    case KEY.currentAssignment: {
      const of = decodeMessage(f.memberKey, 0, key, 2);
      return {
        type: 'currentAssignment',
        ...of,
        value: value && unversioned(f.currentAssignmentValue, value),
      };
    }
    case KEY.regularExpression: {
      const of = decodeMessage(f.regularExpressionKey, 0, key, 2);
      return {
        type: 'regularExpression',
        ...of,
        value: value && unversioned(f.regularExpressionValue, value),
      };
    }
    default:
      return undefined;
  }
}
