import { array, bytes, int32, int64, message, string } from '@edgelog/wire';

/** Key of type 2 in `__consumer_offsets`. */
export const groupMetadataKey = message({
  name: 'GroupMetadataKey',
  versions: [2, 2],
  fields: { group: string() },
});

export const groupMetadataValue = message({
  name: 'GroupMetadataValue',
  versions: [0, 4],
  flexible: 4,
  fields: {
    protocolType: string(),
    generation: int32(),
    protocol: string({ nullable: 0 }),
    leader: string({ nullable: 0 }),
    currentStateTimestamp: int64({ since: 2, default: -1, ignorable: true }),
    members: array({
      memberId: string(),
      groupInstanceId: string({ since: 3, nullable: 3, default: null, ignorable: true }),
      clientId: string(),
      clientHost: string(),
      rebalanceTimeout: int32({ since: 1, default: -1, ignorable: true }),
      sessionTimeout: int32(),
      subscription: bytes(),
      assignment: bytes(),
    }),
  },
});

/** The version that is written, as Kafka 4.1 does. */
export const GROUP_METADATA_VERSION = 3;

export interface MemberMetadata {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  /** −1 in records of old versions. */
  readonly rebalanceTimeout: number;
  readonly sessionTimeout: number;
  /** The member's metadata for the chosen protocol. */
  readonly subscription: Buffer;
  readonly assignment: Buffer;
}

/** A group's generation as it is recorded. Without members the group is empty, with members it is stable. */
export interface GroupMetadataValue {
  /** Empty for a group that only stores offsets. */
  readonly protocolType: string;
  readonly generation: number;
  readonly protocol: string | null;
  readonly leader: string | null;
  /** Wall time; −1 when unknown. */
  readonly currentStateTimestamp: number;
  readonly members: readonly MemberMetadata[];
}
