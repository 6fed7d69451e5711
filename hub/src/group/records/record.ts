import { EdgelogError } from '@edgelog/base';
import { decodeMessage, type EncodableMessage, encodeMessage, type Message } from '@edgelog/wire';
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

/** One record of `__consumer_offsets`; a null value is a tombstone. */
export type GroupRecord =
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
  const { groupId: group, value } = record;
  if (record.type === 'group') {
    return {
      key: versioned(groupMetadataKey, GROUP_KEY, { group }),
      value: value && versioned(groupMetadataValue, GROUP_METADATA_VERSION, record.value!),
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
  const type = versionOf(key, 'key');
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
  if (type !== GROUP_KEY) return undefined;
  const { group: groupId } = decodeMessage(groupMetadataKey, type, key, 2);
  return { type: 'group', groupId, value: value && unversioned(groupMetadataValue, value) };
}

function versioned<M extends Message>(message: M, version: number, body: EncodableMessage<M>): Buffer {
  const prefix = Buffer.alloc(2);
  prefix.writeInt16BE(version);
  return Buffer.concat([prefix, encodeMessage(message, version, body)]);
}

function unversioned<M extends Message>(message: M, bytes: Buffer) {
  const version = versionOf(bytes, message.name);
  const [min, max] = message.versions;
  if (version < min || version > max) {
    throw new EdgelogError(
      'CORRUPT_FRAME',
      `${message.name} has version ${version}, known are ${min} to ${max}`,
    );
  }
  return decodeMessage(message, version, bytes, 2);
}

function versionOf(bytes: Buffer, what: string): number {
  if (bytes.length < 2)
    throw new EdgelogError('CORRUPT_FRAME', `${what} of ${bytes.length} bytes has no version`);
  return bytes.readInt16BE(0);
}
