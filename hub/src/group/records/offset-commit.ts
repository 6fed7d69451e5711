import { int32, int64, message, string, uuid } from '@edgelog/wire';

/** Key of type 1 in `__consumer_offsets`; type 0 is an older name of the same. */
export const offsetCommitKey = message({
  name: 'OffsetCommitKey',
  versions: [0, 1],
  fields: { group: string(), topic: string(), partition: int32() },
});

export const offsetCommitValue = message({
  name: 'OffsetCommitValue',
  versions: [0, 4],
  flexible: 4,
  fields: {
    offset: int64(),
    leaderEpoch: int32({ since: 3, default: -1, ignorable: true }),
    metadata: string(),
    commitTimestamp: int64(),
    expireTimestamp: int64({ since: 1, until: 1, default: -1, ignorable: true }),
    topicId: uuid({ tagged: { tag: 0, since: 4 }, ignorable: true }),
  },
});

/** What a group committed for one partition. */
export interface OffsetCommitValue {
  readonly offset: number;
  /** −1 when the client did not say. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** Wall time. */
  readonly commitTimestamp: number;
  /** Wall time at which it lapses, where an old client said so; else −1: the broker's retention decides. */
  readonly expireTimestamp: number;
}

/**
 * Only version 1 can carry an expiry, and only 3 and later a leader epoch. Kafka 4.1 writes 4, for the topic id in it, which
 * is not kept here; every Kafka reads 3.
 */
export const offsetCommitVersion = (value: OffsetCommitValue) => (value.expireTimestamp === -1 ? 3 : 1);
