import { describe, expect, test } from 'vitest';
import { Harness } from './harness.ts';
import { fetchOffsets } from './offsets.ts';

describe('a member commits', () => {
  test('in its generation, while stable or when a rebalance begins', () => {
    const h = new Harness();
    const [leader, follower] = h.stable(2);
    expect(h.commit({ offset: 10, memberId: leader!, generation: 1 })).toBe('NONE');
    h.join({ memberId: follower!, metadata: 'changed' });
    expect(h.commit({ offset: 20, memberId: leader!, generation: 1 })).toBe('NONE');
    expect(h.committed()).toBe(20);
  });

  test('not in another generation, nor as a stranger, nor before its sync', () => {
    const h = new Harness();
    const memberId = h.memberId();
    h.join({ memberId });
    h.advance(1_000);
    expect(h.commit({ offset: 1, memberId, generation: 1 })).toBe('REBALANCE_IN_PROGRESS');
    h.sync(memberId);
    expect(h.commit({ offset: 1, memberId, generation: 2 })).toBe('ILLEGAL_GENERATION');
    expect(h.commit({ offset: 1, memberId: 'x', generation: 1 })).toBe('UNKNOWN_MEMBER_ID');
    expect(h.committed()).toBeUndefined();
  });

  test('not to a group that does not exist', () => {
    const h = new Harness();
    expect(h.commit({ offset: 1, memberId: 'x', generation: 1, apiVersion: 8 })).toBe('ILLEGAL_GENERATION');
    expect(h.commit({ offset: 1, memberId: 'x', generation: 1, apiVersion: 9 })).toBe('GROUP_ID_NOT_FOUND');
    expect(h.commit({ offset: 1, groupId: '' })).toBe('INVALID_GROUP_ID');
  });
});

describe('a client that manages its partitions by itself', () => {
  test('commits without a generation and so makes the group', () => {
    const h = new Harness();
    expect(h.commit({ offset: 5 })).toBe('NONE');
    expect(h.group()).toMatchObject({ state: 'Empty', protocolType: null });
  });

  test('commits to a group that lost its members, but to none that has some', () => {
    const h = new Harness();
    const [memberId] = h.stable(1);
    expect(h.commit({ offset: 5 })).toBe('UNKNOWN_MEMBER_ID');
    h.leave([{ memberId: memberId! }]);
    expect(h.commit({ offset: 5 })).toBe('NONE');
  });
});

test('metadata beyond the bound is refused, at the bound it is kept', () => {
  const h = new Harness();
  expect(h.commit({ offset: 1, metadata: 'x'.repeat(4_097) })).toBe('OFFSET_METADATA_TOO_LARGE');
  expect(h.commit({ offset: 1, metadata: 'x'.repeat(4_096) })).toBe('NONE');
});

test('a partition that does not exist is refused by itself', () => {
  const h = new Harness();
  expect(h.commit({ offset: 1, topicExists: false })).toBe('UNKNOWN_TOPIC_OR_PARTITION');
  expect(h.log).toEqual([]);
});

test('a commit is recorded with leader epoch, metadata and time', () => {
  const h = new Harness();
  h.commit({ offset: 7, metadata: 'note', topic: 't', partition: 2 });
  expect(h.log).toEqual([
    {
      type: 'offset',
      groupId: 'readers',
      topic: 't',
      partition: 2,
      value: { offset: 7, leaderEpoch: 4, metadata: 'note', commitTimestamp: h.now, expireTimestamp: -1 },
    },
  ]);
});

test('a fetch answers −1 for what was never committed, and everything for null', () => {
  const h = new Harness();
  h.commit({ offset: 7, topic: 't', partition: 2 });
  const some = fetchOffsets(h.group(), [{ name: 't', partitionIndexes: [1, 2] }]);
  expect(some[0]?.partitions).toMatchObject([
    { partitionIndex: 1, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 },
    { partitionIndex: 2, committedOffset: 7, committedLeaderEpoch: 4, metadata: '', errorCode: 0 },
  ]);
  expect(fetchOffsets(h.group(), null)).toMatchObject([{ name: 't', partitions: [{ committedOffset: 7 }] }]);
  expect(fetchOffsets(undefined, null)).toEqual([]);
  expect(
    fetchOffsets(undefined, [{ name: 't', partitionIndexes: [0] }])[0]?.partitions[0]?.committedOffset,
  ).toBe(-1);
});
