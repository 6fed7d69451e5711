export type {
  ClassicMemberMetadata,
  ConsumerGroupRecord,
  ConsumerMemberValue,
  CurrentAssignmentValue,
  TopicPartitions,
} from './consumer-group.ts';
export {
  GROUP_METADATA_VERSION,
  type GroupMetadataValue,
  groupMetadataKey,
  groupMetadataValue,
  type MemberMetadata,
} from './group-metadata.ts';
export {
  type OffsetCommitValue,
  offsetCommitKey,
  offsetCommitValue,
  offsetCommitVersion,
} from './offset-commit.ts';
export { decodeRecord, encodeRecord, type GroupRecord, type KeyValue } from './record.ts';
