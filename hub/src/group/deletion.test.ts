import { expect, test } from 'vitest';
import { Harness, subscriptionTo } from './harness.ts';

const DAY = 24 * 3_600_000;

test('a group that does not exist cannot be deleted', () => {
  expect(new Harness().deleteGroup()).toBe('GROUP_ID_NOT_FOUND');
});

test('a group with members is not deleted', () => {
  const h = new Harness();
  const [memberId] = h.stable(1);
  expect(h.deleteGroup()).toBe('NON_EMPTY_GROUP');
  h.join({ memberId: memberId!, metadata: 'changed' });
  expect(h.deleteGroup()).toBe('NON_EMPTY_GROUP');
  expect(h.group()).toBeDefined();
});

test('an empty group goes with all it committed, and no replay knows of it', () => {
  const h = new Harness();
  const [memberId] = h.stable(1);
  h.commit({ offset: 5, memberId: memberId!, generation: 1 });
  h.leave([{ memberId: memberId! }]);
  expect(h.deleteGroup()).toBe('NONE');
  expect(h.group()).toBeUndefined();
  expect(h.recovered().groups.size).toBe(0);
  expect(h.deleteGroup()).toBe('GROUP_ID_NOT_FOUND');
});

test('a group that only stores offsets can be deleted', () => {
  const h = new Harness();
  h.commit({ offset: 5 });
  expect(h.deleteGroup()).toBe('NONE');
  expect(h.recovered().groups.size).toBe(0);
});

test('a member id handed out by a group that was deleted is unknown', () => {
  const h = new Harness();
  const memberId = h.memberId();
  expect(h.deleteGroup()).toBe('NONE');
  expect(h.error(h.join({ memberId }))).toBe('UNKNOWN_MEMBER_ID');
});

test('offsets are deleted of topics that no member reads, and of no others', () => {
  const h = new Harness();
  const [a] = h.stable(1, { metadata: subscriptionTo('read', 'também') });
  for (const topic of ['read', 'também', 'left']) h.commit({ offset: 5, topic, memberId: a!, generation: 1 });
  expect(h.deleteOffset('read')).toBe('GROUP_SUBSCRIBED_TO_TOPIC');
  expect(h.deleteOffset('também')).toBe('GROUP_SUBSCRIBED_TO_TOPIC');
  expect(h.deleteOffset('left')).toBe('NONE');
  expect([h.committed('read'), h.committed('left')]).toEqual([5, undefined]);
  expect(h.recovered().groups.get('readers')?.offsets.has('left')).toBe(false);
});

test('offsets of a consumer group whose members do not tell what they read are kept', () => {
  const h = new Harness();
  const [a] = h.stable(1, { metadata: 'no subscription' });
  h.commit({ offset: 5, memberId: a!, generation: 1 });
  expect(h.deleteOffset('telemetry')).toBe('GROUP_SUBSCRIBED_TO_TOPIC');
  expect(h.committed()).toBe(5);
});

test('offsets of a live group that is no consumer group are not deleted', () => {
  const h = new Harness();
  h.stable(1, { protocolType: 'connect' });
  expect(h.deleteOffset('telemetry')).toBe('NON_EMPTY_GROUP');
});

test('offsets of an empty group are deleted, one that was never committed without an error', () => {
  const h = new Harness();
  const [a] = h.stable(1, { metadata: subscriptionTo('telemetry') });
  h.commit({ offset: 5, memberId: a!, generation: 1 });
  h.leave([{ memberId: a! }]);
  expect(h.deleteOffset('telemetry')).toBe('NONE');
  expect(h.deleteOffset('telemetry')).toBe('NONE');
  expect(h.committed()).toBeUndefined();
  expect(h.deleteOffset('telemetry', { topicExists: false })).toBe('UNKNOWN_TOPIC_OR_PARTITION');
});

test('offsets of a group without a name or without existence are refused as a whole', () => {
  const h = new Harness();
  expect(h.deleteOffset('telemetry')).toBe('GROUP_ID_NOT_FOUND');
  expect(h.deleteOffset('telemetry', { groupId: '' })).toBe('INVALID_GROUP_ID');
});

test('offsets of topics that a live group has left expire, counted from the commit', () => {
  const h = new Harness();
  const [a] = h.stable(1, { metadata: subscriptionTo('read') });
  for (const topic of ['read', 'left']) h.commit({ offset: 5, topic, memberId: a!, generation: 1 });
  h.now += 7 * DAY - 1;
  h.send({ type: 'expire' });
  expect(h.committed('left')).toBe(5);
  h.now += 1;
  h.send({ type: 'expire' });
  expect([h.committed('read'), h.committed('left')]).toEqual([5, undefined]);
});

test('nothing expires of a live group that does not tell what it reads', () => {
  const h = new Harness();
  const [a] = h.stable(1, { metadata: 'no subscription' });
  h.commit({ offset: 5, memberId: a!, generation: 1 });
  h.now += 8 * DAY;
  h.send({ type: 'expire' });
  expect(h.committed()).toBe(5);
});
