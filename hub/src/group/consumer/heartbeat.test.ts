import { errorName } from '@edgelog/wire';
import { describe, expect, test } from 'vitest';
import type { ConsumerHeartbeatRequest } from '../messages.ts';
import { ConsumerHarness, told, topicId } from './harness.ts';
import { stateOf } from './state.ts';

function harness(topics: Record<string, number> = { one: 4 }, settings = {}): ConsumerHarness {
  const h = new ConsumerHarness(settings);
  for (const [i, [name, partitions]] of Object.entries(topics).entries()) {
    h.topics.set(name, { id: topicId(i + 1), partitions });
  }
  return h;
}

const owned = (...partitions: number[]) => ({ topicPartitions: [{ topicId: topicId(1), partitions }] });
const errorOf = ({ errorCode }: { errorCode: number }) => errorName(errorCode);

describe('members of a group of the new protocol', () => {
  test('alone has everything at once', () => {
    const h = harness();
    const answer = h.enter('a', ['one']);
    expect(answer).toMatchObject({ errorCode: 0, memberId: 'a', memberEpoch: 1, heartbeatIntervalMs: 5_000 });
    expect(told(answer)).toEqual(['1:0,1,2,3']);
    expect(stateOf(h.consumer)).toBe('Stable');
    expect(told(h.beat('a', 1))).toBeUndefined();
  });

  test('get what another has to give up only when it has', () => {
    const h = harness();
    h.enter('a', ['one']);
    const b = h.enter('b', ['one']);
    expect([b.memberEpoch, told(b)]).toEqual([2, []]);
    const a = h.beat('a', 1, owned(0, 1, 2, 3));
    expect([a.memberEpoch, told(a)]).toEqual([1, ['1:0,1']]);
    expect(told(h.beat('b', 2))).toBeUndefined();
    expect(stateOf(h.consumer)).toBe('Reconciling');
    expect(h.beat('a', 1, owned(0, 1)).memberEpoch).toBe(2);
    expect(told(h.beat('b', 2))).toEqual(['1:2,3']);
    expect(stateOf(h.consumer)).toBe('Stable');
  });

  test('that leave are missed by nobody: the others are given theirs', () => {
    const h = harness();
    h.enter('a', ['one']);
    h.enter('b', ['one']);
    expect(h.beat('a', -1)).toMatchObject({ errorCode: 0, memberEpoch: -1 });
    expect(told(h.beat('b', 2))).toEqual(['1:0,1,2,3']);
    expect(errorOf(h.beat('a', 1))).toBe('UNKNOWN_MEMBER_ID');
  });

  test('that are silent for a session are out, and one that beats is not', () => {
    const h = harness();
    h.enter('a', ['one']);
    h.enter('b', ['one']);
    h.advance(30_000);
    h.beat('b', 2);
    h.advance(15_000);
    expect([...h.consumer.members.keys()]).toEqual(['b']);
  });

  test('that do not give up partitions in time are out though they beat', () => {
    const h = harness();
    h.enter('a', ['one']);
    h.enter('b', ['one']);
    h.beat('a', 1, owned(0, 1, 2, 3));
    h.advance(20_000);
    h.beat('a', 1, owned(0, 1, 2, 3));
    h.beat('b', 2);
    h.advance(10_000);
    expect([...h.consumer.members.keys()]).toEqual(['b']);
  });

  test('with an epoch that is not theirs are fenced, unless just the answer was lost', () => {
    const h = harness();
    h.enter('a', ['one']);
    h.enter('b', ['one']);
    h.beat('a', 1, owned(0, 1, 2, 3));
    h.beat('a', 1, owned(0, 1));
    expect(h.beat('a', 1, owned(0, 1))).toMatchObject({ errorCode: 0, memberEpoch: 2 });
    expect(errorOf(h.beat('a', 1))).toBe('FENCED_MEMBER_EPOCH');
    expect(errorOf(h.beat('a', 1, owned(0, 1, 2)))).toBe('FENCED_MEMBER_EPOCH');
    expect(errorOf(h.beat('a', 3))).toBe('FENCED_MEMBER_EPOCH');
    expect(told(h.enter('a', ['one']))).toEqual(['1:0,1']);
  });

  test('follow topics that come, grow and go', () => {
    const h = harness({ one: 1 });
    h.enter('a', ['one', 'two']);
    h.topics.set('two', { id: topicId(2), partitions: 2 });
    expect(told(h.beat('a', 1))).toBeUndefined();
    h.advance(5_000);
    expect(told(h.beat('a', 1))).toEqual(['1:0', '2:0,1']);
    h.topics.set('two', { id: topicId(2), partitions: 3 });
    h.topics.delete('one');
    h.advance(5_000);
    expect(told(h.beat('a', 2, { topicPartitions: [] }))).toEqual(['2:0,1,2']);
  });

  test('read what their pattern matches, also what comes later', () => {
    const h = harness({ 'sensor-1': 1, other: 1 });
    const more = { subscribedTopicRegex: 'sensor-.*' };
    expect(told(h.enter('a', [], more))).toEqual(['1:0']);
    h.topics.set('sensor-2', { id: topicId(3), partitions: 1 });
    h.advance(5_000);
    expect(told(h.beat('a', 1))).toEqual(['1:0', '3:0']);
    h.beat('a', 2, { subscribedTopicNames: ['other'], subscribedTopicRegex: '' });
    expect(h.consumer.patterns.size).toBe(0);
    expect(errorOf(h.enter('b', [], { subscribedTopicRegex: '(' }))).toBe('INVALID_REGULAR_EXPRESSION');
  });

  test('decide by majority who assigns', () => {
    const h = harness({ one: 2, two: 2 });
    h.enter('a', ['one', 'two'], { serverAssignor: 'range' });
    h.enter('b', ['one', 'two'], { serverAssignor: 'range' });
    expect([...h.consumer.targets.get('a')!]).toEqual([
      [topicId(1), [0]],
      [topicId(2), [0]],
    ]);
    expect(errorOf(h.enter('c', ['one'], { serverAssignor: 'mine' }))).toBe('UNSUPPORTED_ASSIGNOR');
  });

  test('are as many as the group may have', () => {
    const h = harness({ one: 1 }, { membersMax: 1 });
    h.enter('a', ['one']);
    expect(errorOf(h.enter('b', ['one']))).toBe('GROUP_MAX_SIZE_REACHED');
    expect(errorOf(h.enter('a', ['one']))).toBe('NONE');
  });

  test('of old clients are named by the coordinator', () => {
    const h = harness();
    const full = { rebalanceTimeoutMs: 1, subscribedTopicNames: ['one'], topicPartitions: [] };
    expect(h.beat('', 0, full, 0).memberId).toBe('named-1');
    expect(errorOf(h.beat('', 0, full, 1))).toBe('INVALID_REQUEST');
  });
});

describe('static members', () => {
  const instanceId = 'i';

  test('that are back within their session have what they had, without a new target', () => {
    const h = harness();
    h.enter('a', ['one'], { instanceId });
    h.beat('a', -2, { instanceId });
    const answer = h.enter('a2', ['one'], { instanceId });
    expect([answer.memberEpoch, told(answer)]).toEqual([1, ['1:0,1,2,3']]);
    expect(h.consumer.epoch).toBe(1);
    expect(errorOf(h.beat('a', 1, { instanceId }))).toBe('FENCED_INSTANCE_ID');
  });

  test('cannot take the place of one that is there', () => {
    const h = harness();
    h.enter('a', ['one'], { instanceId });
    expect(errorOf(h.enter('a2', ['one'], { instanceId }))).toBe('UNRELEASED_INSTANCE_ID');
    expect(errorOf(h.beat('a2', 1, { instanceId: 'j' }))).toBe('UNKNOWN_MEMBER_ID');
  });

  test('that do not come back are out', () => {
    const h = harness();
    h.enter('a', ['one'], { instanceId });
    h.beat('a', -2, { instanceId });
    h.advance(45_000);
    expect(h.consumer.members.size).toBe(0);
  });
});

test.each<[string, Partial<ConsumerHeartbeatRequest>, number, string]>([
  ['no group', { groupId: '' }, 0, 'INVALID_REQUEST'],
  ['an empty instance id', { instanceId: '' }, 0, 'INVALID_REQUEST'],
  ['no rebalance timeout', { rebalanceTimeoutMs: -1 }, 0, 'INVALID_REQUEST'],
  ['partitions of its own', owned(0), 0, 'INVALID_REQUEST'],
  ['no subscription', { subscribedTopicNames: null }, 0, 'INVALID_REQUEST'],
  ['an impossible epoch', {}, -3, 'INVALID_REQUEST'],
  ['an epoch of a group that is not', {}, 1, 'GROUP_ID_NOT_FOUND'],
])('a first heartbeat with %s is refused', (_, more, epoch, error) => {
  const h = harness();
  const full = { rebalanceTimeoutMs: 1, subscribedTopicNames: ['one'], topicPartitions: [] };
  expect(errorOf(h.beat('a', epoch, { ...full, ...more }))).toBe(error);
  expect(h.log).toEqual([]);
});

test('a commit that crossed the answer with a newer epoch is taken for what the member still has, and for nothing else', () => {
  const h = harness();
  h.enter('a', ['one']);
  h.enter('b', ['one']);
  h.beat('a', 1, owned(0, 1, 2, 3));
  h.beat('a', 1, owned(0, 1));
  const commit = (partition: number, generation: number) =>
    h.commit({ offset: 1, topic: 'one', partition, memberId: 'a', generation });
  expect([commit(0, 2), commit(0, 1), commit(3, 1), commit(0, 3)]).toEqual([
    'NONE',
    'NONE',
    'STALE_MEMBER_EPOCH',
    'STALE_MEMBER_EPOCH',
  ]);
});

describe('classic groups and those of the new protocol', () => {
  test('an empty one becomes the other, and its offsets stay', () => {
    const h = harness();
    const [classic] = h.stable(1);
    expect(errorOf(h.enter('a', ['one']))).toBe('GROUP_ID_NOT_FOUND');
    h.commit({ offset: 7, memberId: classic!, generation: 1 });
    h.leave([{ memberId: classic! }]);
    expect(errorOf(h.enter('a', ['one']))).toBe('NONE');
    expect(h.committed()).toBe(7);
    expect(h.recovered().groups.get('readers')).toMatchObject({ recorded: undefined });
    expect(h.error(h.join())).toBe('INCONSISTENT_GROUP_PROTOCOL');
    h.beat('a', -1);
    h.stable(1);
    expect([h.group()?.consumer, h.committed()]).toEqual([undefined, 7]);
    expect(h.recovered().groups.get('readers')?.consumer).toBeUndefined();
  });

  test('members commit with their epoch, others while there are none', () => {
    const h = harness();
    h.enter('a', ['one']);
    const commit = (generation: number, memberId = 'a', apiVersion = 9) =>
      h.commit({ offset: 1, memberId, generation, apiVersion });
    expect(commit(1)).toBe('NONE');
    expect(commit(2)).toBe('STALE_MEMBER_EPOCH');
    expect(commit(1, 'b')).toBe('UNKNOWN_MEMBER_ID');
    expect(commit(1, 'a', 8)).toBe('UNSUPPORTED_VERSION');
    expect(h.commit({ offset: 1 })).toBe('UNKNOWN_MEMBER_ID');
    h.beat('a', -1);
    expect(h.commit({ offset: 2 })).toBe('NONE');
  });

  test('deletion and expiry know what members read, and leave nothing behind', () => {
    const h = harness();
    h.enter('a', ['one']);
    for (const topic of ['one', 'left']) h.commit({ offset: 1, topic, memberId: 'a', generation: 1 });
    expect(h.deleteOffset('one')).toBe('GROUP_SUBSCRIBED_TO_TOPIC');
    h.now += 8 * 24 * 3_600_000;
    h.send({ type: 'expire' });
    expect([h.committed('one'), h.committed('left')]).toEqual([1, undefined]);
    expect(h.deleteGroup()).toBe('NON_EMPTY_GROUP');
    h.beat('a', -1);
    expect(h.deleteGroup()).toBe('NONE');
    expect([h.shard.groups.size, h.recovered().groups.size]).toEqual([0, 0]);
  });
});
