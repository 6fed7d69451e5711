import { decodeMessage } from '@edgelog/wire';
import type { ConsumerGroupRecord } from './consumer-group.ts';
import { decodeConsumerRecord, encodeConsumerRecord } from './consumer-record.ts';
import {
  GROUP_METADATA_VERSION,
  type GroupMetadataValue,
  groupMetadataKey,
  groupMetadataValue,
} from './group-metadata.ts';
import {
  type OffsetCommitValue,
  offsetCommitKey,
  offsetCommitValue,
  offsetCommitVersion,
} from './offset-commit.ts';
import { prefixOf, unversioned, versioned } from './versioned.ts';

/** One record of `__consumer_offsets`; a null value is a tombstone. */
export type GroupRecord =
  | ConsumerGroupRecord
  | { readonly type: 'group'; readonly groupId: string; readonly value: GroupMetadataValue | null }
  | {
      readonly type: 'offset';
      readonly groupId: string;
      readonly topic: string;
      readonly partition: number;
      readonly value: OffsetCommitValue | null;
    };

export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

const OFFSET_KEY = 1;
const GROUP_KEY = 2;

/** Kafka's formats: key and value each begin with an int16, the key's type and the value's version. */
export function encodeRecord(record: GroupRecord): KeyValue {
  if (record.type !== 'group' && record.type !== 'offset') return encodeConsumerRecord(record);
  const { groupId: group } = record;
  if (record.type === 'group') {
    return {
      key: versioned(groupMetadataKey, GROUP_KEY, { group }),
      value: record.value && versioned(groupMetadataValue, GROUP_METADATA_VERSION, record.value),
    };
  }
  const { topic, partition } = record;
  return {
    key: versioned(offsetCommitKey, OFFSET_KEY, { group, topic, partition }),
    value: record.value && versioned(offsetCommitValue, offsetCommitVersion(record.value), record.value),
  };
}

/**
 * Undefined for a key of another type: newer coordinators write more. Buffers in it are views. Throws EdgelogError
 * CORRUPT_FRAME.
 */
export function decodeRecord(key: Buffer, value: Buffer | null): GroupRecord | undefined {
  const type = prefixOf(key, 'key');
  if (type <= OFFSET_KEY && type >= 0) {
    const { group: groupId, topic, partition } = decodeMessage(offsetCommitKey, type, key, 2);
    return {
      type: 'offset',
      groupId,
      topic,
      partition,
      value: value && unversioned(offsetCommitValue, value),
    };
  }
  if (type !== GROUP_KEY) return decodeConsumerRecord(type, key, value);
  const { group: groupId } = decodeMessage(groupMetadataKey, type, key, 2);
  return { type: 'group', groupId, value: value && unversioned(groupMetadataValue, value) };
}
